/* place.c - where the recorder's tools are: QEMU in PATH, the plugin beside the running program or
 * where it was installed with it. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "record/program.h"
#include "record/recorder.h"

#ifndef KILBURN_PLUGIN_FOLDER
#define KILBURN_PLUGIN_FOLDER "../lib/kilburn" /* seen from the program's folder */
#endif
#ifndef KILBURN_LIBRARY_FOLDER
#define KILBURN_LIBRARY_FOLDER "../lib"
#endif

bool kb_record_find_qemu(char path[KB_RECORD_PATH_BYTES]) {
    return kb_program_find(KB_RECORD_QEMU, path) == KB_PROGRAM_FINE;
}

bool kb_record_find_valgrind(char path[KB_RECORD_PATH_BYTES]) {
    return kb_program_find("valgrind", path) == KB_PROGRAM_FINE;
}

bool kb_record_find_beside(const char *name, char path[KB_RECORD_PATH_BYTES]) {
    static const char *const folders[] = {"", KILBURN_PLUGIN_FOLDER "/",
                                          KILBURN_LIBRARY_FOLDER "/"};
    char own[KB_RECORD_PATH_BYTES];
    ssize_t length = readlink("/proc/self/exe", own, sizeof own - 1);
    own[length > 0 ? length : 0] = '\0';
    char *slash = strrchr(own, '/');
    for (size_t i = 0; slash != NULL && i < sizeof folders / sizeof folders[0]; i++) {
        slash[1] = '\0';
        int bytes = snprintf(path, KB_RECORD_PATH_BYTES, "%s%s%s", own, folders[i], name);
        if (bytes < KB_RECORD_PATH_BYTES && access(path, R_OK) == 0)
            return true;
    }
    return false;
}
