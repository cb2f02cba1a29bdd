/* family.c - HOW [ARGUMENT]: a process that becomes others or has children, in each way there is.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;
static char *const other[] = {"family", "exit", "44", NULL};
static char *const child[] = {"family", "say", "child", NULL};
static volatile unsigned char written[4096] __attribute__((aligned(4096)));

static int fail(const char *what) {
    perror(what);
    return 1;
}

static void *exec_there(void *unused) {
    (void)unused;
    execv("./family", other);
    return NULL;
}

/* A copy of a program, which has no name; its descriptor is closed by exec. */
static int copy(const char *name) {
    char bytes[65536];
    int from = open(name, O_RDONLY | O_CLOEXEC), to = memfd_create("copy", MFD_CLOEXEC);
    for (ssize_t got; (got = read(from, bytes, sizeof bytes)) > 0;)
        if (write(to, bytes, (size_t)got) != got)
            return -1;
    return to;
}

static int become(const char *how) {
    pthread_t thread;
    if (strcmp(how, "exec") == 0)
        execv("./family", other);
    if (strcmp(how, "self") == 0)
        execv("/proc/self/exe", other);
    if (strcmp(how, "execveat") == 0)
        execveat(open(".", O_RDONLY | O_DIRECTORY), "family", other, environ, 0);
    if (strcmp(how, "fexecve") == 0)
        fexecve(open("family", O_RDONLY | O_CLOEXEC), other, environ);
    if (strcmp(how, "memory") == 0)
        fexecve(copy("./family"), other, environ);
    if (strcmp(how, "thread-exec") == 0 && pthread_create(&thread, NULL, exec_there, NULL) == 0)
        pthread_join(thread, NULL);
    if (strcmp(how, "exec-missing") == 0)
        execv("./nowhere", other);
    if (strcmp(how, "exec-directory") == 0)
        execv("/", other);
    if (strcmp(how, "exec-text") == 0)
        execv("./built", other);
    if (strcmp(how, "exec-null") == 0)
        execv((const char *)8, other);
    printf("%m\n");
    return 34;
}

static int wait_for_all(int status) {
    int told;
    while (wait(&told) > 0)
        if (!WIFEXITED(told) || WEXITSTATUS(told) != 0)
            status = 3;
    return status;
}

static int have_one(const char *how) {
    pid_t pid;
    if (strcmp(how, "fork") == 0) {
        if (fork() == 0) {
            printf("child\n");
            exit(0);
        }
    } else if (strcmp(how, "vfork") == 0) {
        if (vfork() == 0) {
            execv("./family", child);
            _exit(9);
        }
    } else if (strcmp(how, "spawn") == 0) {
        if (posix_spawn(&pid, "./family", NULL, NULL, child, environ) != 0)
            return fail("posix_spawn");
    } else if (system("exec ./family say child") != 0) {
        return 4;
    }
    int status = wait_for_all(33);
    printf("parent\n");
    return status;
}

static int have_many(int count) {
    int gate[2];
    if (pipe(gate) != 0)
        return fail("pipe");
    for (int i = 0; i < count; i++)
        if (fork() == 0) {
            char byte;
            close(gate[1]);
            _exit(read(gate[0], &byte, 1) != 0); /* until all are there */
        }
    close(gate[0]);
    close(gate[1]);
    return wait_for_all(33);
}

static int have_grandchildren(int depth) {
    if (depth == 0)
        return 0;
    pid_t pid = fork();
    if (pid == 0)
        _exit(have_grandchildren(depth - 1));
    return wait_for_all(0);
}

static int write_there(long count) {
    if (fork() == 0) {
        for (long i = 0; i < count; i++)
            written[0] = (unsigned char)i;
        _exit(0);
    }
    printf("%lx\n", (unsigned long)written / 4096);
    return wait_for_all(33);
}

static int leave_daemon(void) {
    if (fork() == 0) {
        setsid();
        if (fork() == 0) {
            usleep(500000);
            FILE *file = fopen("daemon", "w");
            fprintf(file, "done\n");
            fclose(file);
        }
        _exit(0);
    }
    return wait_for_all(33);
}

int main(int argc, char **argv) {
    const char *how = argc > 1 ? argv[1] : "";
    const char *argument = argc > 2 ? argv[2] : "0";
    static const char *const ones[] = {"fork", "vfork", "spawn", "system"};
    setvbuf(stdout, NULL, _IOLBF, 0);
    for (size_t i = 0; i < sizeof ones / sizeof ones[0]; i++)
        if (strcmp(how, ones[i]) == 0)
            return have_one(how);
    if (strcmp(how, "exit") == 0)
        return atoi(argument);
    if (strcmp(how, "say") == 0)
        return puts(argument) < 0;
    if (strcmp(how, "forks") == 0)
        return have_many(atoi(argument));
    if (strcmp(how, "grandchildren") == 0)
        return have_grandchildren(atoi(argument)) == 0 ? 33 : 1;
    if (strcmp(how, "writes") == 0)
        return write_there(atol(argument));
    if (strcmp(how, "daemon") == 0)
        return leave_daemon();
    return become(how);
}
