/* plain.c - a sort and a search without any library, for two recorders to be compared: the same
 * instructions for both, data at the same addresses; only the stack lies elsewhere.
 *
 * PARTS: bits of what is done besides, in which the two are known to differ: 1 repeated string
 * instructions, 2 floating-point state, 4 an exchange of 16 bytes. */
#ifndef PARTS
#define PARTS 0
#endif
enum { NUMBERS = 1000, LETTERS = 6000, ROUNDS = 40 };
static int numbers[NUMBERS];
static char text[LETTERS], copy[LETTERS + 1];
static double matrix[3][24][24];

static unsigned next(unsigned *state) { return *state = *state * 1103515245u + 12345u; }

static void sort(int low, int high) {
    while (low < high) {
        int pivot = numbers[(low + high) / 2], i = low, j = high;
        while (i <= j) {
            while (numbers[i] < pivot)
                i++;
            while (numbers[j] > pivot)
                j--;
            if (i <= j) {
                int other = numbers[i];
                numbers[i++] = numbers[j];
                numbers[j--] = other;
            }
        }
        sort(low, j);
        low = i;
    }
}

static int search(const char *what) {
    int found = 0;
    for (int i = 0; i < LETTERS; i++) {
        int k = 0;
        while (what[k] != '\0' && i + k < LETTERS && text[i + k] == what[k])
            k++;
        found += what[k] == '\0';
    }
    return found;
}

static void multiply(void) {
    for (int i = 0; i < 24; i++)
        for (int k = 0; k < 24; k++)
            for (int j = 0; j < 24; j++) /* two at a time */
                matrix[2][i][j] += matrix[0][i][k] * matrix[1][k][j];
}

#if PARTS & 1
static void repeat(void) {
    for (int i = 0; i < ROUNDS; i++) {
        void *to = copy;
        const void *from = text;
        long count = 100;
        __asm__ volatile("rep movsb" : "+D"(to), "+S"(from), "+c"(count) : : "memory");
        count = 0;
        __asm__ volatile("rep stosb" : "+D"(to), "+c"(count) : "a"(0) : "memory");
    }
}
#endif
#if PARTS & 2
static void save_state(void) {
    static char state[512] __attribute__((aligned(64)));
    for (int i = 0; i < ROUNDS; i++)
        __asm__ volatile("fxsave %0" : "=m"(state));
}
#endif
#if PARTS & 4
static void exchange(void) {
    static long pair[2] __attribute__((aligned(16)));
    for (int i = 0; i < ROUNDS; i++)
        __asm__ volatile("lock cmpxchg16b %0"
                         : "+m"(pair)
                         : "a"(0L), "d"(0L), "b"(0L), "c"(0L)
                         : "cc");
}
#endif

__attribute__((noreturn, used)) static void run(void) {
    unsigned state = 1;
    for (int i = 0; i < NUMBERS; i++)
        numbers[i] = (int)(next(&state) >> 8);
    sort(0, NUMBERS - 1);
    for (int i = 0; i < LETTERS; i++)
        text[i] = (char)('a' + (next(&state) >> 16) % 3);
    for (int i = 0; i < 24 * 24; i++)
        matrix[0][i / 24][i % 24] = matrix[1][i / 24][i % 24] = i;
    multiply();
    for (int i = 0; i + 4095 < LETTERS; i += 64) /* eight bytes, some across a page */
        *(volatile long *)(void *)(copy + i + 4) = i;
#if PARTS & 1
    repeat();
#endif
#if PARTS & 2
    save_state();
#endif
#if PARTS & 4
    exchange();
#endif
    long status = search("abcab") & 63;
    __asm__ volatile("syscall" : : "a"(60L), "D"(status));
    __builtin_unreachable();
}

__attribute__((naked, noreturn)) void _start(void) { __asm__("xor %ebp, %ebp\n\tcall run"); }
