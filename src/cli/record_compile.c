/* record_compile.c - kilburn record --compile: the line that builds sources so that the program
 * records itself. */
#include <stdlib.h>
#include <string.h>

#include "cli.h"

#define PLAIN "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/._+-,:=@%"

/* A word that the shell takes as it is. */
static void print_word(const char *word) {
    if (word[0] != '\0' && word[strspn(word, PLAIN)] == '\0') {
        fputs(word, stdout);
        return;
    }
    putchar('\'');
    for (; *word != '\0'; word++)
        fputs(*word == '\'' ? "'\\''" : (char[]){*word, '\0'}, stdout);
    putchar('\'');
}

static bool ends_in(const char *name, const char *const *endings) {
    const char *dot = strrchr(name, '.');
    for (; dot != NULL && *endings != NULL; endings++)
        if (strcmp(dot, *endings) == 0)
            return true;
    return false;
}

static const char *compiler(char *const *sources) {
    static const char *const cxx[] = {".cc", ".cpp", ".cxx", ".C", ".c++", NULL};
    for (; *sources != NULL; sources++)
        if (ends_in(*sources, cxx))
            return "c++";
    return "cc";
}

/* "src/prog.c" → "prog" and the ending: where a compiler puts what it makes of it. */
static void print_made(const char *source, const char *ending) {
    const char *slash = strrchr(source, '/'), *name = slash != NULL ? slash + 1 : source;
    const char *dot = strrchr(name, '.');
    char made[4096];
    snprintf(made, sizeof made, "%.*s%s", (int)(dot != NULL ? dot - name : (long)strlen(name)),
             name, ending);
    print_word(made);
}

int record_compile(struct cli *cli, char *const *sources) {
    static char name[] = "prog.c";
    static char *const example[] = {name, NULL};
    char path[KB_RECORD_PATH_BYTES];
    if (!kb_record_find_beside(KB_RECORD_HOOKS, path)) {
        (void)kb_fail(&cli->error, KB_UNSUPPORTED, KB_MSG_record_no_hooks);
        return cli_fail(cli);
    }
    char *real = realpath(path, NULL);
    if (*sources == NULL)
        sources = example;
    printf("%s -O2 -g -fsanitize=thread -c", compiler(sources));
    for (size_t i = 0; sources[i] != NULL; i++) {
        putchar(' ');
        print_word(sources[i]);
    }
    printf(" && %s", compiler(sources));
    for (size_t i = 0; sources[i] != NULL; i++) {
        putchar(' ');
        print_made(sources[i], ".o");
    }
    putchar(' ');
    print_word(real != NULL ? real : path);
    fputs(" -lpthread -o ", stdout);
    print_made(sources[0], "");
    putchar('\n');
    free(real);
    return EXIT_FINE;
}
