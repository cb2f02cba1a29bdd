/* sweep.c - a program that uses the library: faults of clock and lru on a trace.
 *
 *   cc -O2 sweep.c $(pkg-config --cflags --libs kilburn) -o sweep && ./sweep trace.kbt
 */
#include <kilburn.h>
#include <stdio.h>

int main(int argc, char **argv) {
    struct kb_error error = {.language = KB_ENGLISH};
    struct kb_sweep_item items[2] = {{.frames = 100}, {.frames = 100}};
    struct kb_sweep sweep = {.items = items, .count = 2};
    struct kb_reader_options options = {0};
    struct kb_reader *reader = NULL;
    struct kb_source source;
    struct kb_host host;
    if (argc != 2)
        return 2;
    kb_status status = kb_host_open(&host, 0, &error);
    if (status != KB_OK)
        goto failed;
    options.host = sweep.host = &host;
    status = kb_policy_parse("clock", &items[0].spec, NULL, NULL, &error);
    if (status == KB_OK)
        status = kb_policy_parse("lru", &items[1].spec, NULL, NULL, &error);
    if (status == KB_OK)
        status = kb_file_open(&source, argv[1], &error);
    if (status != KB_OK)
        goto failed;
    status = kb_reader_open(&reader, source, &options, &error);
    if (status == KB_OK)
        status = kb_sweep_run(&sweep, reader, &error);
    if (status == KB_OK)
        printf("clock %llu, lru %llu faults with 100 frames\n",
               (unsigned long long)items[0].result.faults,
               (unsigned long long)items[1].result.faults);
    kb_reader_close(reader);
    kb_file_close(&source);
    kb_sweep_free(&sweep);
    kb_host_close(&host);
failed:
    if (status != KB_OK)
        fprintf(stderr, "%s\n", error.text);
    return status != KB_OK;
}
