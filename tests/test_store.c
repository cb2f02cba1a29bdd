/* test_store.c - stores against a flat array; everything that can go wrong with a swap file; the
 * checksum of pages.
 *
 * pread, pwrite and fallocate are this program's own: they pass the call on to
 * the kernel, but can be told to be interrupted, to do less than they were
 * asked, or to know no holes, as file systems may. */
#include "harness.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/random.h"
#include "host/host.h"
#include "store/store.h"

static struct kb_error error;
static char folder[] = "/tmp/test_store.XXXXXX";
static char path[64]; /* of the swap file in the folder */

/* ---- the kernel's calls, with trouble ---- */

static bool choppy;             /* every other call is interrupted, the rest does a part */
static bool no_holes;           /* the file system cannot punch them */
static unsigned calls, punches; /* of pread and pwrite; of fallocate */

/* False: interrupted. */
static bool chop(size_t *count) {
    calls++;
    if (!choppy)
        return true;
    if (calls % 2 == 0) {
        errno = EINTR;
        return false;
    }
    *count = *count > 7 ? *count / 2 : *count;
    return true;
}

ssize_t pread(int fd, void *buffer, size_t count, off_t offset) {
    return chop(&count) ? (ssize_t)syscall(SYS_pread64, fd, buffer, count, offset) : -1;
}

ssize_t pwrite(int fd, const void *buffer, size_t count, off_t offset) {
    return chop(&count) ? (ssize_t)syscall(SYS_pwrite64, fd, buffer, count, offset) : -1;
}

int fallocate(int fd, int mode, off_t offset, off_t length) {
    punches++;
    if (no_holes) {
        errno = EOPNOTSUPP;
        return -1;
    }
    return (int)syscall(SYS_fallocate, fd, mode, offset, length);
}

/* ---- helpers ---- */

static void check_ok(kb_status status) {
    CHECK_EQ(status, KB_OK);
    if (status != KB_OK)
        printf("%s\n", error.text);
}

static void check_says(const char *part) {
    CHECK(strstr(error.text, part) != NULL);
    if (strstr(error.text, part) == NULL)
        printf("wanted \"%s\" in: %s\n", part, error.text);
}

static void fill(uint8_t *page, uint32_t bytes, struct kb_random *random) {
    for (uint32_t i = 0; i < bytes; i++)
        page[i] = (uint8_t)kb_random_below(random, 256);
}

static bool all_zero(const uint8_t *page, uint32_t bytes) {
    for (uint32_t i = 0; i < bytes; i++)
        if (page[i] != 0)
            return false;
    return true;
}

static kb_status write_slot(const struct kb_store *store, uint64_t slot, const void *page) {
    return store->write(store->context, slot, page, &error);
}

static kb_status read_slot(const struct kb_store *store, uint64_t slot, void *page) {
    return store->read(store->context, slot, page, &error);
}

/* A page of one byte's value. */
static const uint8_t *page_of(uint8_t value) {
    static uint8_t page[4096];
    memset(page, value, sizeof page);
    return page;
}

static bool holds(const struct kb_store *store, uint64_t slot, uint8_t value) {
    uint8_t page[4096];
    return read_slot(store, slot, page) == KB_OK && memcmp(page, page_of(value), sizeof page) == 0;
}

static void open_file(struct kb_store *store, uint64_t slots) {
    check_ok(kb_store_file(store, path, 4096, slots, &error));
    if (store->close == NULL)
        exit(harness_end());
}

static void open_memory(struct kb_store *store, uint64_t slots) {
    check_ok(kb_store_memory(store, 4096, slots, NULL, &error));
    if (store->close == NULL)
        exit(harness_end());
}

/* ---- against a flat array ---- */

/* What stands in the file, past the store. */
static bool file_holds(uint64_t offset, const uint8_t *page, uint32_t bytes) {
    uint8_t *found = calloc(1, bytes);
    FILE *file = fopen(path, "r");
    if (found == NULL || file == NULL || fseek(file, (long)offset, SEEK_SET) != 0)
        abort();
    (void)!fread(found, 1, bytes, file); /* what is not there is zero */
    bool same = memcmp(found, page, bytes) == 0;
    fclose(file);
    free(found);
    return same;
}

static void random_work(const struct kb_store *store, uint64_t seed, unsigned steps) {
    const uint32_t bytes = store->page_bytes;
    struct kb_random random = {seed};
    uint8_t *wanted = calloc(store->slots, bytes), *page = malloc(bytes);
    bool *there = calloc(store->slots, sizeof *there);
    unsigned reads = 0, discards = 0;
    if (wanted == NULL || page == NULL || there == NULL)
        abort();
    for (unsigned step = 0; step < steps; step++) {
        uint64_t slot = kb_random_below(&random, store->slots), way = kb_random_below(&random, 8);
        uint8_t *mine = wanted + slot * bytes;
        if (way < 4) {
            fill(mine, bytes, &random);
            check_ok(write_slot(store, slot, mine));
            there[slot] = true;
        } else if (way < 7 && there[slot]) {
            memset(page, 0x5a, bytes);
            check_ok(read_slot(store, slot, page));
            CHECK(memcmp(page, mine, bytes) == 0);
            reads++;
        } else if (way == 7) {
            store->discard(store->context, slot);
            memset(mine, 0, bytes);
            memset(page, 0x5a, bytes);
            check_ok(read_slot(store, slot, page)); /* scrubbed */
            CHECK(all_zero(page, bytes));
            there[slot] = false;
            discards++;
        }
    }
    CHECK(reads > steps / 10 && discards > steps / 20);
    for (uint64_t slot = 0; slot < store->slots; slot++) {
        memset(page, 0x5a, bytes);
        check_ok(read_slot(store, slot, page));
        CHECK(memcmp(page, wanted + slot * bytes, bytes) == 0);
        if (strcmp(store->name, path) == 0)
            CHECK(file_holds(slot * bytes, wanted + slot * bytes, bytes));
    }
    free(wanted);
    free(page);
    free(there);
}

static void test_random_work(void) {
    static const struct {
        uint32_t page_bytes;
        uint64_t slots;
        unsigned steps;
    } shapes[] = {
        {64, 1, 100}, {64, 1000, 5000}, {320, 65, 1000}, {4096, 200, 2000}, {1 << 20, 5, 60}};
    struct kb_host host;
    check_ok(kb_host_open(&host, 1, &error));
    for (unsigned i = 0; i < sizeof shapes / sizeof shapes[0]; i++) {
        struct kb_store store;
        for (unsigned hosted = 0; hosted < 2; hosted++) {
            check_ok(kb_store_memory(&store, shapes[i].page_bytes, shapes[i].slots,
                                     hosted ? &host : NULL, &error));
            CHECK_STR(store.name, "memory");
            random_work(&store, i, shapes[i].steps);
            kb_store_close(&store);
            kb_store_close(&store); /* harmless */
        }
        for (unsigned trouble = 0; trouble < 4; trouble++) {
            choppy = (trouble & 1) != 0;
            no_holes = (trouble & 2) != 0;
            punches = 0;
            check_ok(kb_store_file(&store, path, shapes[i].page_bytes, shapes[i].slots, &error));
            random_work(&store, i, shapes[i].steps);
            CHECK(no_holes ? punches == 1 : punches >= 1);
            kb_store_close(&store);
            CHECK(access(path, F_OK) != 0);
        }
        choppy = no_holes = false;
    }
    kb_host_close(&host);
}

static void test_shapes(void) {
    static const struct {
        uint32_t page_bytes;
        uint64_t slots;
    } bad[] = {{0, 1},  {63, 1}, {65, 1},   {32, 1},
               {64, 0}, {96, 4}, {4096, 0}, {4096, (UINT64_C(1) << 63) / 4096}};
    struct kb_store store;
    for (unsigned i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        CHECK_EQ(kb_store_memory(&store, bad[i].page_bytes, bad[i].slots, NULL, &error), KB_USAGE);
        CHECK(store.close == NULL);
        check_says("multiple of 64 bytes");
        CHECK_EQ(kb_store_file(&store, path, bad[i].page_bytes, bad[i].slots, &error), KB_USAGE);
        CHECK(store.close == NULL && access(path, F_OK) != 0);
    }
    /* A terabyte: only what is written takes room. */
    check_ok(kb_store_file(&store, path, 4096, (UINT64_C(1) << 40) / 4096, &error));
    check_ok(write_slot(&store, 3, page_of(7)));
    CHECK(holds(&store, 3, 7));
    kb_store_close(&store);
    for (unsigned kind = 0; kind < 2; kind++) {
        if (kind == 0)
            open_memory(&store, 3);
        else
            open_file(&store, 3);
        uint8_t page[4096];
        CHECK_EQ(write_slot(&store, 3, page_of(1)), KB_USAGE);
        check_says("there is no slot 3; the last one is 2");
        CHECK_EQ(read_slot(&store, UINT64_MAX, page), KB_USAGE);
        check_ok(write_slot(&store, 2, page_of(2)));
        store.discard(store.context, 3);
        store.discard(store.context, UINT64_MAX);
        CHECK(holds(&store, 2, 2));
        kb_store_close(&store);
    }
}

/* ---- memory that ends ---- */

static unsigned takes_left;
static int taken; /* and not given back */

static void *take(size_t bytes) {
    if (takes_left == 0)
        return NULL;
    takes_left--;
    taken++;
    return calloc(1, bytes);
}

static void give_back(void *memory, size_t bytes) {
    (void)bytes;
    taken--;
    free(memory);
}

static void test_no_memory(void) {
    static const struct kb_arena arena = {.take = take, .give_back = give_back};
    static const struct kb_host host = {.arena = &arena};
    struct kb_store store;
    for (takes_left = 0; takes_left < 2;) {
        unsigned left = takes_left;
        CHECK_EQ(kb_store_memory(&store, 4096, 1000, &host, &error), KB_NO_MEMORY);
        CHECK(store.close == NULL && taken == 0);
        takes_left = left + 1;
    }
    takes_left = 3; /* the store and one chunk */
    check_ok(kb_store_memory(&store, 4096, 1000, &host, &error));
    check_ok(write_slot(&store, 999, page_of(1)));
    check_ok(write_slot(&store, 998, page_of(2))); /* its neighbour */
    CHECK_EQ(write_slot(&store, 0, page_of(3)), KB_NO_MEMORY);
    CHECK(holds(&store, 999, 1) && holds(&store, 998, 2) && holds(&store, 0, 0));
    takes_left = 1;
    check_ok(write_slot(&store, 0, page_of(3)));
    CHECK(holds(&store, 0, 3));
    CHECK_EQ(taken, 4);
    kb_store_close(&store);
    CHECK_EQ(taken, 0);
}

/* ---- planned failures ---- */

/* Whether operation n (from 1) on slot 0 fails, by its status. */
static bool fails(const struct kb_store *store, bool is_read) {
    uint8_t page[4096];
    kb_status status = is_read ? read_slot(store, 0, page) : write_slot(store, 0, page_of(9));
    if (status != KB_OK)
        CHECK_EQ(status, KB_IO);
    return status != KB_OK;
}

/* Failures that show in the status: which operations they hit. */
static void test_plans(void) {
    static const enum kb_store_failure kinds[] = {KB_STORE_READ_ERROR, KB_STORE_WRITE_ERROR,
                                                  KB_STORE_SHORT_WRITE, KB_STORE_NO_SPACE};
    struct kb_store inner, store;
    open_memory(&inner, 4);
    check_ok(kb_store_failing(&store, &inner, &error));
    CHECK_STR(store.name, "memory");
    CHECK(store.page_bytes == 4096 && store.slots == 4);
    for (unsigned i = 0; i < 4; i++) {
        bool is_read = kinds[i] == KB_STORE_READ_ERROR;
        for (unsigned n = 0; n < 5; n++) /* from now on it counts */
            CHECK(!fails(&store, is_read));
        kb_store_fail(&store, kinds[i], 3, 2);
        for (unsigned n = 1; n <= 8; n++) {
            CHECK(!fails(&store, !is_read)); /* the others are not counted */
            CHECK_EQ(fails(&store, is_read), n == 3 || n == 4);
        }
        kb_store_fail(&store, kinds[i], 1, 1);
        kb_store_fail(&store, kinds[i], 2, 0); /* replaces it */
        for (unsigned n = 1; n <= 6; n++)
            CHECK_EQ(fails(&store, is_read), n >= 2);
        kb_store_fail(&store, kinds[i], 0, 0);
        CHECK(!fails(&store, is_read));
    }
    kb_store_fail(&store, KB_STORE_NO_SPACE, 1, 0); /* two at once: the first kind */
    kb_store_fail(&store, KB_STORE_WRITE_ERROR, 2, 1);
    CHECK(fails(&store, false));
    check_says("no space is left for slot 0");
    CHECK(fails(&store, false));
    check_says("cannot be written");
    kb_store_close(&store);
}

static void check_damage(struct kb_store *store) {
    uint8_t page[4096];
    check_ok(write_slot(store, 1, page_of(1)));
    check_ok(write_slot(store, 2, page_of(2)));

    kb_store_fail(store, KB_STORE_READ_ERROR, 1, 1);
    CHECK_EQ(read_slot(store, 1, page), KB_IO);
    check_says("slot 1 cannot be read");
    CHECK(holds(store, 1, 1));

    kb_store_fail(store, KB_STORE_WRITE_ERROR, 1, 1);
    CHECK_EQ(write_slot(store, 1, page_of(3)), KB_IO);
    check_says("slot 1 cannot be written");
    CHECK(holds(store, 1, 1));

    kb_store_fail(store, KB_STORE_NO_SPACE, 1, 1);
    CHECK_EQ(write_slot(store, 1, page_of(3)), KB_IO);
    check_says("no space is left for slot 1");
    CHECK(holds(store, 1, 1));

    for (uint64_t slot = 1; slot < 4; slot += 2) { /* one with an old page, one never written */
        uint8_t before = slot == 1 ? 1 : 0;
        kb_store_fail(store, KB_STORE_SHORT_WRITE, 1, 1);
        CHECK_EQ(write_slot(store, slot, page_of(3)), KB_IO);
        check_says("only 2048 of the 4096 bytes");
        check_ok(read_slot(store, slot, page));
        CHECK(memcmp(page, page_of(3), 2048) == 0);
        CHECK(memcmp(page + 2048, page_of(before), 2048) == 0);
        check_ok(write_slot(store, slot, page_of(1)));
    }

    uint64_t sum = kb_page_sum(page_of(1), 4096);
    kb_store_fail(store, KB_STORE_CORRUPT, 1, 20);
    for (unsigned n = 0; n < 20; n++) {
        unsigned bits = 0;
        check_ok(read_slot(store, 1, page));
        for (unsigned i = 0; i < 4096; i++)
            bits += (unsigned)__builtin_popcount(page[i] ^ 1u);
        CHECK_EQ(bits, 1);
        CHECK(kb_page_sum(page, 4096) != sum);
    }
    CHECK(holds(store, 1, 1)); /* the store itself is whole */

    kb_store_fail(store, KB_STORE_LOST_WRITE, 1, 1);
    check_ok(write_slot(store, 1, page_of(4)));
    CHECK(holds(store, 1, 1));
    check_ok(read_slot(store, 1, page));
    CHECK(kb_page_sum(page, 4096) != kb_page_sum(page_of(4), 4096));
    check_ok(write_slot(store, 1, page_of(4)));
    CHECK(holds(store, 1, 4));

    CHECK(holds(store, 2, 2)); /* all others as they were */
    store->discard(store->context, 2);
    CHECK(holds(store, 2, 0));
}

static void test_damage(void) {
    struct kb_store inner, store;
    open_memory(&inner, 8);
    check_ok(kb_store_failing(&store, &inner, &error));
    check_damage(&store);
    kb_store_close(&store);
    open_file(&inner, 8);
    check_ok(kb_store_failing(&store, &inner, &error));
    check_damage(&store);
    CHECK(access(path, F_OK) == 0);
    kb_store_close(&store); /* and the inner one */
    CHECK(access(path, F_OK) != 0);
}

/* ---- the file ---- */

static void check_refused(const char *name, kb_status wanted, const char *says) {
    struct kb_store store;
    CHECK_EQ(kb_store_file(&store, name, 4096, 8, &error), wanted);
    CHECK(store.close == NULL);
    check_says(name);
    check_says(says);
}

static void make_file(const char *text) {
    FILE *file = fopen(path, "w");
    if (file == NULL || fputs(text, file) < 0 || fclose(file) != 0)
        abort();
}

static void test_refused_files(void) {
    char missing[100];
    struct kb_store store;
    check_refused("/dev/full", KB_USAGE, "not a regular file");
    check_refused("/dev/null", KB_USAGE, "not a regular file");
    check_refused(folder, KB_USAGE, "not a regular file");
    snprintf(missing, sizeof missing, "%s/none/swap", folder);
    check_refused(missing, KB_IO, strerror(ENOENT));
    CHECK_EQ(mkfifo(path, 0600), 0);
    check_refused(path, KB_USAGE, "not a regular file");
    CHECK_EQ(unlink(path), 0);

    make_file("precious");
    check_refused(path, KB_USAGE, "there is something in this file");
    CHECK(file_holds(0, (const uint8_t *)"precious", 8)); /* and it is still there */
    make_file("");
    open_file(&store, 8);
    check_refused(path, KB_USAGE, "somebody else");
    check_ok(write_slot(&store, 5, page_of(5)));
    check_refused(path, KB_USAGE, "somebody else");
    CHECK(holds(&store, 5, 5));

    CHECK_EQ(unlink(path), 0); /* the name becomes another file's, which stays */
    make_file("precious");
    kb_store_close(&store);
    CHECK(file_holds(0, (const uint8_t *)"precious", 8));
    CHECK_EQ(unlink(path), 0);
}

/* The file may have ten pages and a half. */
static void test_full_disk(void) {
    struct rlimit before, tight;
    struct kb_store store;
    CHECK_EQ(getrlimit(RLIMIT_FSIZE, &before), 0);
    tight = before;
    tight.rlim_cur = 10 * 4096 + 2048;
    signal(SIGXFSZ, SIG_IGN);
    open_file(&store, 100);
    for (uint64_t slot = 0; slot < 20; slot++) {
        /* Nothing is printed while it is tight: standard output may be a file. */
        CHECK_EQ(setrlimit(RLIMIT_FSIZE, &tight), 0);
        kb_status status = write_slot(&store, slot, page_of((uint8_t)(slot + 1)));
        CHECK_EQ(setrlimit(RLIMIT_FSIZE, &before), 0);
        CHECK_EQ(status, slot < 10 ? KB_OK : KB_IO);
        if (slot == 10) {
            check_says(path);
            check_says("cannot write slot 10");
            check_says(strerror(EFBIG));
        }
    }
    for (uint64_t slot = 0; slot < 10; slot++)
        CHECK(holds(&store, slot, (uint8_t)(slot + 1)));
    check_ok(write_slot(&store, 10, page_of(11))); /* there is room again */
    CHECK(holds(&store, 10, 11));
    kb_store_close(&store);
}

/* Closes the descriptor behind the store's back. */
static bool close_behind(void) {
    char link[300], target[300];
    DIR *open_files = opendir("/proc/self/fd");
    int found = -1;
    for (struct dirent *entry; open_files != NULL && (entry = readdir(open_files)) != NULL;) {
        snprintf(link, sizeof link, "/proc/self/fd/%s", entry->d_name);
        ssize_t length = readlink(link, target, sizeof target - 1);
        target[length > 0 ? length : 0] = '\0';
        if (strcmp(target, path) == 0)
            found = atoi(entry->d_name);
    }
    if (open_files != NULL)
        closedir(open_files);
    return found >= 0 && close(found) == 0;
}

static void test_broken_files(void) {
    struct kb_store store;
    uint8_t page[4096];
    open_file(&store, 8);
    for (uint64_t slot = 0; slot < 4; slot++)
        check_ok(write_slot(&store, slot, page_of((uint8_t)(slot + 1))));
    CHECK_EQ(truncate(path, 2 * 4096 + 100), 0);
    CHECK(holds(&store, 1, 2));
    for (uint64_t slot = 2; slot < 4; slot++) {
        CHECK_EQ(read_slot(&store, slot, page), KB_IO);
        check_says(path);
        check_says("has been shortened");
    }
    check_ok(write_slot(&store, 3, page_of(9)));
    CHECK(holds(&store, 3, 9));

    CHECK(close_behind());
    CHECK_EQ(read_slot(&store, 1, page), KB_IO);
    check_says("cannot read slot 1");
    check_says(strerror(EBADF));
    error.language = KB_SPANISH;
    CHECK_EQ(write_slot(&store, 1, page), KB_IO);
    check_says("no se puede escribir la ranura 1");
    check_says(path);
    error.language = KB_ENGLISH;
    store.discard(store.context, 1); /* says nothing, harms nobody */
    kb_store_close(&store);
    CHECK_EQ(unlink(path), 0);
}

/* ---- the checksum ---- */

/* The definition, word by word. */
static uint64_t plain_sum(const uint8_t *page, uint32_t bytes) {
    uint64_t sum = UINT64_C(0x6b696c6275726e21);
    for (uint32_t i = 0; i < bytes / 4; i++) {
        uint64_t word = page[4 * i] | (uint64_t)page[4 * i + 1] << 8 |
                        (uint64_t)page[4 * i + 2] << 16 | (uint64_t)page[4 * i + 3] << 24;
        sum += word + (bytes / 4 - i) * word * UINT64_C(0x9e3779b97f4a7c15);
    }
    return sum;
}

static void swap_words(uint8_t *page, uint32_t x, uint32_t y) {
    uint8_t word[4];
    memcpy(word, page + 4 * x, 4);
    memcpy(page + 4 * x, page + 4 * y, 4);
    memcpy(page + 4 * y, word, 4);
}

static void check_sum(uint8_t *page, uint32_t bytes, struct kb_random *random) {
    uint64_t sum = kb_page_sum(page, bytes);
    CHECK_EQ(sum, plain_sum(page, bytes));
    unsigned blind = 0;
    for (uint32_t bit = 0; bit < bytes * 8; bit++) {
        page[bit / 8] ^= (uint8_t)(1u << bit % 8);
        blind += kb_page_sum(page, bytes) == sum;
        page[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    CHECK_EQ(blind, 0);
    for (unsigned n = 0; n < 20000; n++) {
        uint32_t x = (uint32_t)kb_random_below(random, bytes / 4);
        uint32_t y = (uint32_t)kb_random_below(random, bytes / 4);
        if (memcmp(page + 4 * x, page + 4 * y, 4) == 0)
            continue;
        swap_words(page, x, y);
        blind += kb_page_sum(page, bytes) == sum;
        swap_words(page, x, y);
    }
    CHECK_EQ(blind, 0);
    CHECK_EQ(kb_page_sum(page, bytes), sum);
}

static void test_sum(void) {
    static uint8_t page[4096 + 1], zeros[4096];
    struct kb_random random = {11};
    for (uint32_t bytes = 64; bytes <= 4096; bytes *= 8) {
        for (unsigned kind = 0; kind < 3; kind++) { /* random, all ones, one word set */
            memset(page, kind == 1 ? 0xff : 0, sizeof page);
            if (kind == 0)
                fill(page, bytes, &random);
            if (kind == 2)
                page[bytes - 1] = 0x80;
            check_sum(page, bytes, &random);
            CHECK(kb_page_sum(page, bytes) != kb_page_sum(zeros, bytes)); /* a lost first write */
            CHECK(kb_page_sum(zeros, bytes) != 0);
        }
        fill(page, bytes, &random);
        uint64_t sum = kb_page_sum(page, bytes);
        memmove(page + 1, page, bytes); /* at an odd address */
        CHECK_EQ(kb_page_sum(page + 1, bytes), sum);
    }
}

int main(void) {
    if (mkdtemp(folder) == NULL) {
        perror(folder);
        return 1;
    }
    snprintf(path, sizeof path, "%s/swap", folder);
    test_random_work();
    test_shapes();
    test_no_memory();
    test_plans();
    test_damage();
    test_refused_files();
    test_full_disk();
    test_broken_files();
    test_sum();
    CHECK_EQ(rmdir(folder), 0); /* nothing was left behind */
    return harness_end();
}
