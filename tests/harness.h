/* harness.h - the smallest test harness that serves us: checks that count, and a closing line.
 *
 * One executable a file; main runs the tests and returns harness_end(). A
 * failed check prints file, line and what was wanted, and the test goes on. */
#ifndef KB_TESTS_HARNESS_H
#define KB_TESTS_HARNESS_H

#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

static unsigned harness_checks, harness_failures;

#define CHECK(condition)                                                                           \
    do {                                                                                           \
        harness_checks++;                                                                          \
        if (!(condition)) {                                                                        \
            harness_failures++;                                                                    \
            printf("%s:%d: failed: %s\n", __FILE__, __LINE__, #condition);                         \
        }                                                                                          \
    } while (0)

#define CHECK_EQ(found, wanted)                                                                    \
    do {                                                                                           \
        uint64_t harness_found = (uint64_t)(found), harness_wanted = (uint64_t)(wanted);           \
        harness_checks++;                                                                          \
        if (harness_found != harness_wanted) {                                                     \
            harness_failures++;                                                                    \
            printf("%s:%d: %s is %" PRIu64 ", wanted %" PRIu64 "\n", __FILE__, __LINE__, #found,   \
                   harness_found, harness_wanted);                                                 \
        }                                                                                          \
    } while (0)

#define CHECK_STR(found, wanted)                                                                   \
    do {                                                                                           \
        const char *harness_found = (found), *harness_wanted = (wanted);                           \
        harness_checks++;                                                                          \
        if (strcmp(harness_found, harness_wanted) != 0) {                                          \
            harness_failures++;                                                                    \
            printf("%s:%d: %s is \"%s\", wanted \"%s\"\n", __FILE__, __LINE__, #found,             \
                   harness_found, harness_wanted);                                                 \
        }                                                                                          \
    } while (0)

static inline int harness_end(void) {
    printf("%u checks, %u failed\n", harness_checks, harness_failures);
    return harness_failures != 0;
}

#endif
