/* place.c - tells where it stands: its arguments, working directory, environment, descriptors. */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

extern char **environ;

static void descriptors(void) {
    DIR *folder = opendir("/proc/self/fd");
    struct dirent *entry;
    while (folder != NULL && (entry = readdir(folder)) != NULL) {
        char path[300], target[300];
        int own = atoi(entry->d_name);
        snprintf(path, sizeof path, "/proc/self/fd/%s", entry->d_name);
        ssize_t length = readlink(path, target, sizeof target - 1);
        target[length > 0 ? length : 0] = '\0';
        if (entry->d_name[0] != '.' && own != dirfd(folder))
            printf("%d %s\n", own, own > 2 ? target : "");
    }
}

static int compare(const void *a, const void *b) {
    return strcmp(*(char *const *)a, *(char *const *)b);
}

int main(int argc, char **argv) {
    char path[4096];
    for (int i = 0; i < argc; i++)
        printf("<%s>\n", argv[i]);
    printf("%s\n", getcwd(path, sizeof path));
    size_t count = 0;
    while (environ[count] != NULL)
        count++;
    qsort(environ, count, sizeof *environ, compare); /* QEMU keeps what there is, not the order */
    for (char **e = environ; *e != NULL; e++)
        if (strncmp(*e, "_=", 2) != 0)
            printf("%s\n", *e);
    descriptors();
    return 0;
}
