/* word.h - what a thread notes of its references, one word a run.
 *
 *   word  | page number : 46 | kind : 2 | count : 16 |      a run
 *         | type : 46 | 3 : 2 | 0 : 16 | first : 64 | pages : 64 | all ones : 64 |   an event
 *
 * Two neighbours of the same page and kind become one word: a thread compares
 * with the word before, which is why a chunk begins and an event ends with one
 * that equals no run's. */
#ifndef KB_RECORD_WORD_H
#define KB_RECORD_WORD_H

#include <stdint.h>

#define KB_WORD_NONE UINT64_MAX
#define KB_WORD_COUNT UINT64_C(0xffff)
#define KB_WORD_EVENT 3
#define KB_EVENT_WORDS 4

static inline uint64_t kb_word(uint64_t page, unsigned kind, unsigned count) {
    return page << 18 | (uint64_t)kind << 16 | count;
}

#endif
