/* program.h - what a name on the command line would run: found in PATH, its #! followed, its
 * machine checked. Used by the recorder for the program, and inside it for what the program
 * becomes. */
#ifndef KB_RECORD_PROGRAM_H
#define KB_RECORD_PROGRAM_H

#include <stdbool.h>
#include <stddef.h>

#define KB_PROGRAM_PATH 4096
#define KB_PROGRAM_SCRIPTS 5 /* one behind the other, as the kernel follows them */
#define KB_PROGRAM_LINE 256  /* of a script's first line, as the kernel takes it */

enum kb_program_fault {
    KB_PROGRAM_FINE,
    KB_PROGRAM_MISSING,     /* no such file, or not in PATH */
    KB_PROGRAM_DENIED,      /* may not be executed */
    KB_PROGRAM_UNKNOWN,     /* neither ELF nor a script */
    KB_PROGRAM_FOREIGN,     /* for another machine, or another word length */
    KB_PROGRAM_INTERPRETER, /* its #! names a program that cannot be run; image tells which */
    KB_PROGRAM_LOADER,      /* there is no such dynamic loader as it names; loader tells which */
};

/* A script: its file, and what its first line has behind the interpreter; "" if nothing. */
struct kb_program_script {
    char file[KB_PROGRAM_PATH], option[KB_PROGRAM_LINE];
};

struct kb_program {
    char image[KB_PROGRAM_PATH]; /* the ELF file that runs: the program, or its interpreter */
    unsigned scripts;            /* interpreters that are scripts come behind theirs */
    struct kb_program_script script[KB_PROGRAM_SCRIPTS];
    char loader[KB_PROGRAM_PATH]; /* the dynamic loader that image names; "" if none */
    bool privileged;              /* takes another user's or group's rights when it runs */
    bool hooked;                  /* holds Kilburn's hooks: records itself, without QEMU */
    unsigned machine;             /* of a foreign one: ELF's e_machine */
};

/* Where execvp would find the name; path has KB_PROGRAM_PATH bytes. */
enum kb_program_fault kb_program_find(const char *name, char *path);

/* What the file at this path would run. */
enum kb_program_fault kb_program_check(const char *path, struct kb_program *program);

/* ELF's name for a machine, for messages; of the host too. */
const char *kb_program_machine(unsigned machine);
unsigned kb_program_host_machine(void);

/* The arguments that run program with the arguments argv of its file: for a script interpreter,
 * option and file come before argv[1]. first: arguments to leave free at the front. *count is
 * without the NULL at the end. Allocated; the strings are borrowed. NULL: no memory. */
const char **kb_program_arguments(const struct kb_program *program, const char *const *argv,
                                  size_t first, size_t *count);

#endif
