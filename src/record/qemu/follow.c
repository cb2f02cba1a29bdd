/* follow.c - a program that executes another one: the new image is recorded, too.
 *
 * The kernel would run it natively. So we make the call ourselves, with QEMU
 * and this plugin around the image; the process, its files and its channel
 * stay. What QEMU could not run (a missing file, another machine, a program
 * that takes another user's rights) is left to the kernel. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "record/program.h"
#include "record/qemu/guest.h"

#define MOST_WORDS 65536               /* of arguments, and of the environment */
#define MOST_BYTES (UINT64_C(1) << 22) /* of all their text */

/* Copies of the program's strings; all is lost with the exec, or freed by forget. */
struct words {
    char **word;
    size_t count;
    uint64_t bytes;
};

/* The string at this address, whose end is not known: page by page. */
static char *read_string(uint64_t address, uint64_t most) {
    char *text = NULL;
    for (uint64_t length = 0; length < most;) {
        uint64_t part = KB_GUEST_PAGE - (address + length) % KB_GUEST_PAGE;
        char *more = realloc(text, length + part);
        if (more == NULL || !kb_guest_read(address + length, more + length, part)) {
            free(more != NULL ? more : text);
            return NULL;
        }
        text = more;
        if (memchr(text + length, '\0', part) != NULL)
            return text;
        length += part;
    }
    free(text);
    return NULL;
}

static void forget(struct words *words) {
    for (size_t i = 0; i < words->count; i++)
        free(words->word[i]);
    free(words->word);
    *words = (struct words){0};
}

/* A list of strings that ends with NULL; address 0 is an empty one, as for the kernel. */
static bool read_words(uint64_t list, struct words *words) {
    for (uint64_t i = 0; i <= MOST_WORDS; i++) {
        uint64_t address = 0;
        char **more = realloc(words->word, (i + 1) * sizeof *more);
        if (more == NULL)
            return false;
        words->word = more;
        words->word[i] = NULL;
        if (list != 0 && !kb_guest_read(list + i * sizeof address, &address, sizeof address))
            return false;
        if (address == 0)
            return true;
        words->word[i] = read_string(address, MOST_BYTES - words->bytes);
        if (words->word[i] == NULL)
            return false;
        words->bytes += strlen(words->word[i]) + 1;
        words->count++;
    }
    return false;
}

/* A file that is named by a descriptor of this process gets its own name: the descriptor may be
 * closed when QEMU looks for it. False: it has none, and is. */
static bool settle(char path[KB_PROGRAM_PATH]) {
    static const char descriptors[] = "/proc/self/fd/";
    char own[KB_PROGRAM_PATH];
    if (strncmp(path, descriptors, sizeof descriptors - 1) != 0)
        return true;
    if (realpath(path, own) == NULL)
        return fcntl(atoi(path + sizeof descriptors - 1), F_GETFD) == 0;
    snprintf(path, KB_PROGRAM_PATH, "%s", own);
    return true;
}

static char own_image[KB_PROGRAM_PATH];

/* It is QEMU's last argument of its own: qemu -plugin P -0 NAME IMAGE. */
void kb_follow_remember(void) {
    char *word = NULL;
    size_t room = 0;
    FILE *words = fopen("/proc/self/cmdline", "re");
    for (int i = 0; words != NULL && i <= 5; i++)
        if (getdelim(&word, &room, '\0', words) < 0)
            break;
    if (word == NULL || realpath(word, own_image) == NULL)
        own_image[0] = '\0';
    free(word);
    if (words != NULL)
        fclose(words);
}

/* The file that the call names, into path. What the kernel calls this process's file is QEMU. */
static bool name_file(const struct kb_call *call, char path[KB_PROGRAM_PATH]) {
    bool at = call->number == SYS_execveat;
    char *name = read_string(call->argument[at ? 1 : 0], KB_PROGRAM_PATH);
    bool fine = name != NULL;
    if (fine && at && name[0] != '/' && (int)call->argument[0] != AT_FDCWD)
        snprintf(path, KB_PROGRAM_PATH, "/proc/self/fd/%d%s%.3000s", (int)call->argument[0],
                 name[0] != '\0' ? "/" : "", name);
    else if (fine)
        snprintf(path, KB_PROGRAM_PATH, "%s", name);
    char own[64];
    snprintf(own, sizeof own, "/proc/%d/exe", (int)getpid());
    if (fine && (strcmp(path, "/proc/self/exe") == 0 || strcmp(path, own) == 0))
        snprintf(path, KB_PROGRAM_PATH, "%s", own_image);
    free(name);
    return fine && settle(path);
}

static void run(const struct kb_program *program, const struct words *words,
                char *const *environment) {
    static char plugin[2 * KB_RECORD_PATH + 64];
    const struct kb_recording *recording = kb_producer.recording;
    size_t count;
    const char **all = kb_program_arguments(program, (const char *const *)words->word, 5, &count);
    if (all == NULL)
        return;
    snprintf(plugin, sizeof plugin, "%s,memory=%s,channel=%u,follows=on", recording->plugin,
             recording->memory, kb_producer.number);
    all[0] = recording->qemu;
    all[1] = "-plugin";
    all[2] = plugin;
    all[3] = "-0";
    all[4] = count > 5 ? all[5] : ""; /* what the image sees as its own name */
    all[5] = program->image;
    execve(recording->qemu, (char *const *)all, environment);
    free(all);
}

/* A process that has given up rights, or sees other folders now, may not find the recorder again.
 * What it gives up only by the exec shows there: qemu_plugin_install. */
static bool finds_recorder(void) {
    const struct kb_recording *recording = kb_producer.recording;
    int fd = open(recording->memory, O_RDWR | O_CLOEXEC);
    bool found = fd >= 0 && access(recording->qemu, X_OK) == 0;
    if (fd >= 0)
        close(fd);
    return found;
}

void kb_follow_failed(const struct kb_call *call) {
    if (call->unfollowed)
        atomic_fetch_sub(&kb_producer.recording->unfollowed, 1);
}

void kb_follow_exec(struct kb_cursor *cursor, struct kb_call *call) {
    static struct kb_program program;
    unsigned at = call->number == SYS_execveat ? 1 : 0;
    char path[KB_PROGRAM_PATH];
    struct words arguments = {0}, environment = {0};
    int saved = errno;
    bool runs = name_file(call, path) && access(path, X_OK) == 0;
    bool fine = runs && kb_program_check(path, &program) == KB_PROGRAM_FINE &&
                !program.privileged && finds_recorder() &&
                read_words(call->argument[at + 1], &arguments) &&
                read_words(call->argument[at + 2], &environment);
    call->unfollowed = runs;
    if (runs)
        atomic_fetch_add(&kb_producer.recording->unfollowed, 1);
    if (fine) {
        kb_hand_over(cursor);
        kb_producer.channel->image++;
        run(&program, &arguments, environment.word);
        kb_producer.channel->image--; /* it could not */
    }
    forget(&arguments);
    forget(&environment);
    errno = saved;
}
