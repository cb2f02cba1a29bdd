/* walks.c - drives walks for the tests: reads tables and cases, prints where each walk ends.
 *
 *   in:  memory BASE HEX            the bytes of the memory, from BASE on
 *        format NAME                a name, or 10,10,12:4 (bits of each index and of the offset,
 *                                   bytes of an entry)
 *        walk ROOT ADDRESS FLAGS    letters: r w x or a (any), u or s, +S sum, +M mxr, +A ad fault
 *   out: one line a walk: FAULT DEPTH STEPS PHYSICAL BITS ENTRY,ENTRY…
 *
 * Numbers are hexadecimal. PHYSICAL is - after a fault. BITS are those of the
 * leaf, 0 where none was reached. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "machine/walk.h"

static struct kb_memory memory;
static struct kb_format generic;
static const struct kb_format *format;

static void die(const char *text) {
    fprintf(stderr, "walks: %s\n", text);
    exit(2);
}

static unsigned digit(char c) {
    if (c < '0' || c > 'f' || (c > '9' && c < 'a'))
        die("bad bytes");
    return (unsigned)(c <= '9' ? c - '0' : c - 'a' + 10);
}

static void read_memory(char *text) {
    char *hex;
    memory.base = strtoull(text, &hex, 16);
    hex += strspn(hex, " ");
    free(memory.bytes);
    memory.size = strlen(hex) / 2;
    memory.bytes = malloc(memory.size); /* not a byte more, for the sanitizer */
    if (memory.bytes == NULL && memory.size > 0)
        die("no memory");
    for (size_t i = 0; i < memory.size; i++)
        memory.bytes[i] = (uint8_t)(digit(hex[2 * i]) << 4 | digit(hex[2 * i + 1]));
}

static void read_format(char *text) {
    struct kb_error error = {.language = KB_ENGLISH};
    unsigned numbers[KB_MOST_LEVELS + 1] = {0}, count = 0, entry = 8;
    format = kb_format_find(text);
    if (format != NULL)
        return;
    for (char *at = text; count <= KB_MOST_LEVELS; at++) {
        numbers[count++] = (unsigned)strtoul(at, &at, 10);
        if (*at != ',') {
            entry = *at == ':' ? (unsigned)strtoul(at + 1, NULL, 10) : 8;
            break;
        }
    }
    if (count < 2 ||
        kb_format_generic(&generic, count - 1, numbers, numbers[count - 1], entry, &error) != KB_OK)
        die(error.text);
    format = &generic;
}

static struct kb_mode read_mode(const char *flags) {
    struct kb_mode mode = {.access = KB_ACCESS_READ};
    for (; *flags != '\0' && *flags != '\n'; flags++) {
        mode.access = *flags == 'w'   ? KB_ACCESS_WRITE
                      : *flags == 'x' ? KB_ACCESS_EXECUTE
                      : *flags == 'a' ? KB_ACCESS_ANY
                                      : mode.access;
        mode.privileged |= *flags == 's';
        mode.sum |= *flags == 'S';
        mode.mxr |= *flags == 'M';
        mode.ad_fault |= *flags == 'A';
    }
    return mode;
}

static void one_walk(char *text) {
    struct kb_walk walk;
    memset(&walk, 0xa5, sizeof walk); /* nothing may be left unset */
    uint64_t root = strtoull(text, &text, 16), address = strtoull(text, &text, 16);
    enum kb_fault fault = kb_walk(format, &memory, root, address, read_mode(text), &walk);
    printf("%s %u %u ", kb_fault_name(fault), walk.depth, walk.steps);
    if (walk.fault != fault)
        die("two faults");
    if (fault == KB_FAULT_NONE)
        printf("%llx", (unsigned long long)walk.physical);
    else
        printf("-");
    printf(" %x ", walk.bits);
    for (unsigned i = 0; i < walk.steps; i++)
        printf("%s%llx", i > 0 ? "," : "", (unsigned long long)walk.step[i].entry);
    printf("\n");
}

int main(void) {
    char *line = NULL;
    size_t room = 0;
    while (getline(&line, &room, stdin) > 0) {
        line[strcspn(line, "\n")] = '\0';
        if (strncmp(line, "memory ", 7) == 0)
            read_memory(line + 7);
        else if (strncmp(line, "format ", 7) == 0)
            read_format(line + 7);
        else if (strncmp(line, "walk ", 5) == 0 && format != NULL)
            one_walk(line + 5);
        else
            die("neither memory, nor format, nor a walk after them");
    }
    free(line);
    free(memory.bytes);
    return 0;
}
