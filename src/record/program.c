/* program.c - finds a program as the shell would, and looks at what it is. */
#include "record/program.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static bool is_file(const char *path) {
    struct stat status;
    return stat(path, &status) == 0 && S_ISREG(status.st_mode);
}

enum kb_program_fault kb_program_find(const char *name, char *path) {
    const char *folders = getenv("PATH");
    enum kb_program_fault fault = KB_PROGRAM_MISSING;
    if (strchr(name, '/') != NULL) {
        snprintf(path, KB_PROGRAM_PATH, "%s", name);
        if (access(name, F_OK) != 0)
            return errno == EACCES ? KB_PROGRAM_DENIED : KB_PROGRAM_MISSING;
        return is_file(name) && access(name, X_OK) == 0 ? KB_PROGRAM_FINE : KB_PROGRAM_DENIED;
    }
    if (folders == NULL)
        folders = "/bin:/usr/bin";
    for (const char *at = folders; name[0] != '\0'; at++) {
        size_t length = strcspn(at, ":");
        snprintf(path, KB_PROGRAM_PATH, "%.*s%s%s", (int)length, at, length > 0 ? "/" : "./", name);
        if (is_file(path)) {
            if (access(path, X_OK) == 0)
                return KB_PROGRAM_FINE;
            fault = KB_PROGRAM_DENIED;
        }
        at += length;
        if (*at == '\0')
            break;
    }
    return fault;
}

/* ---- ELF ---- */

unsigned kb_program_host_machine(void) {
#if defined(__x86_64__)
    return EM_X86_64;
#elif defined(__aarch64__)
    return EM_AARCH64;
#else
    return EM_NONE;
#endif
}

const char *kb_program_machine(unsigned machine) {
    static const struct {
        unsigned machine;
        const char *name;
    } names[] = {
        {EM_X86_64, "x86-64"}, {EM_AARCH64, "aarch64"}, {EM_386, "i386"}, {EM_ARM, "arm"},
        {EM_RISCV, "riscv"},   {EM_PPC64, "ppc64"},     {EM_PPC, "ppc"},  {EM_S390, "s390"},
        {EM_MIPS, "mips"},     {EM_SPARC, "sparc"},     {EM_68K, "m68k"}, {EM_SPARCV9, "sparc64"},
    };
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (names[i].machine == machine)
            return names[i].name;
    return "?";
}

/* Kilburn's hooks leave a note (an ELF note of this owner), which strip keeps. */
static bool has_hooks(int fd, const Elf64_Ehdr *file) {
    static const char owner[] = "Kilburn";
    for (unsigned i = 0; i < file->e_phnum; i++) {
        Elf64_Phdr segment;
        char notes[1024];
        if (pread(fd, &segment, sizeof segment, (off_t)(file->e_phoff + i * sizeof segment)) !=
            sizeof segment)
            return false;
        if (segment.p_type != PT_NOTE)
            continue;
        size_t bytes = segment.p_filesz < sizeof notes ? segment.p_filesz : sizeof notes;
        ssize_t got = pread(fd, notes, bytes, (off_t)segment.p_offset);
        if (got > 0 && memmem(notes, (size_t)got, owner, sizeof owner) != NULL)
            return true;
    }
    return false;
}

/* The file's dynamic loader, if it names one, is there. */
static bool has_loader(int fd, const Elf64_Ehdr *file, char loader[KB_PROGRAM_PATH]) {
    for (unsigned i = 0; i < file->e_phnum; i++) {
        Elf64_Phdr segment;
        if (pread(fd, &segment, sizeof segment, (off_t)(file->e_phoff + i * sizeof segment)) !=
            sizeof segment)
            return true; /* who runs it says what is wrong */
        if (segment.p_type != PT_INTERP || segment.p_filesz >= KB_PROGRAM_PATH)
            continue;
        ssize_t got = pread(fd, loader, segment.p_filesz, (off_t)segment.p_offset);
        loader[got > 0 ? got : 0] = '\0';
        return access(loader, X_OK) == 0;
    }
    return true;
}

static enum kb_program_fault check_elf(int fd, const Elf64_Ehdr *file, struct kb_program *program) {
    program->machine = file->e_machine;
    if (file->e_ident[EI_CLASS] != ELFCLASS64 || file->e_ident[EI_DATA] != ELFDATA2LSB ||
        file->e_machine != kb_program_host_machine())
        return KB_PROGRAM_FOREIGN;
    if (file->e_type != ET_EXEC && file->e_type != ET_DYN)
        return KB_PROGRAM_UNKNOWN;
    if (!has_loader(fd, file, program->loader))
        return KB_PROGRAM_LOADER;
    program->hooked = has_hooks(fd, file);
    return KB_PROGRAM_FINE;
}

/* ---- scripts ---- */

/* Takes "#! interpreter option" apart, as Linux does: one option, blanks inside it. */
static bool take_line(const char *line, char *interpreter, char *option) {
    const char *at = line + 2 + strspn(line + 2, " \t");
    size_t length = strcspn(at, " \t");
    const char *rest = at + length + strspn(at + length, " \t");
    size_t end = strlen(rest);
    while (end > 0 && (rest[end - 1] == ' ' || rest[end - 1] == '\t'))
        end--;
    snprintf(interpreter, KB_PROGRAM_PATH, "%.*s", (int)length, at);
    snprintf(option, KB_PROGRAM_LINE, "%.*s", (int)end, rest);
    return length > 0;
}

/* script: it is one, and interpreter and option are what its first line names. */
static enum kb_program_fault look(const char *path, struct kb_program *program, bool *script,
                                  char *interpreter, char *option) {
    union {
        Elf64_Ehdr file;
        char line[KB_PROGRAM_LINE];
    } head = {.line = ""};
    struct stat status;
    *script = false;
    if (stat(path, &status) == 0 && !S_ISREG(status.st_mode))
        return KB_PROGRAM_DENIED; /* not to be opened: a FIFO would make us wait */
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return errno == ENOENT ? KB_PROGRAM_MISSING : KB_PROGRAM_DENIED;
    ssize_t got = pread(fd, &head, sizeof head - 1, 0);
    enum kb_program_fault fault = KB_PROGRAM_UNKNOWN;
    if (got >= (ssize_t)sizeof head.file && memcmp(head.line, ELFMAG, SELFMAG) == 0) {
        fault = check_elf(fd, &head.file, program);
    } else if (got > 2 && head.line[0] == '#' && head.line[1] == '!') {
        head.line[strcspn(head.line, "\n")] = '\0';
        *script = true;
        fault = KB_PROGRAM_FINE;
        if (!take_line(head.line, interpreter, option))
            fault = KB_PROGRAM_UNKNOWN;
    }
    if (!*script && fstat(fd, &status) == 0)
        program->privileged = (status.st_mode & (S_ISUID | S_ISGID)) != 0;
    close(fd);
    return fault;
}

enum kb_program_fault kb_program_check(const char *path, struct kb_program *program) {
    bool script;
    memset(program, 0, sizeof *program);
    /* QEMU would take "-d/x" for an option */
    snprintf(program->image, sizeof program->image, "%s%s", path[0] == '-' ? "./" : "", path);
    for (;;) {
        char interpreter[KB_PROGRAM_PATH] = "", option[KB_PROGRAM_LINE] = "";
        bool runs = program->scripts == 0 || access(program->image, X_OK) == 0;
        enum kb_program_fault fault =
            runs ? look(program->image, program, &script, interpreter, option) : KB_PROGRAM_MISSING;
        if (fault == KB_PROGRAM_LOADER)
            return fault;
        if (fault != KB_PROGRAM_FINE)
            return program->scripts == 0 ? fault : KB_PROGRAM_INTERPRETER;
        if (!script)
            return KB_PROGRAM_FINE;
        if (program->scripts == KB_PROGRAM_SCRIPTS)
            return KB_PROGRAM_INTERPRETER;
        struct kb_program_script *line = &program->script[program->scripts++];
        memcpy(line->file, program->image, sizeof line->file);
        memcpy(line->option, option, sizeof line->option);
        memcpy(program->image, interpreter, sizeof program->image);
    }
}

const char **kb_program_arguments(const struct kb_program *program, const char *const *argv,
                                  size_t first, size_t *count) {
    size_t given = 0, n = first;
    while (argv[given] != NULL)
        given++;
    const char **all = calloc(first + given + 2 * KB_PROGRAM_SCRIPTS + 2, sizeof *all);
    if (all == NULL)
        return NULL;
    if (program->scripts > 0)
        all[n++] = program->image;
    else if (given > 0)
        all[n++] = argv[0];
    for (unsigned i = program->scripts; i-- > 0;) {
        if (program->script[i].option[0] != '\0')
            all[n++] = program->script[i].option;
        all[n++] = program->script[i].file;
    }
    for (size_t i = 1; i < given; i++)
        all[n++] = argv[i];
    *count = n;
    return all;
}
