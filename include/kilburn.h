/* kilburn.h - the public API: all that the command line and other programs may include.
 *
 * Kilburn is a virtual memory system in user space. This header is an
 * umbrella over the headers of its rooms; names begin with kb_ or KB_.
 *
 *   struct kb_error error = {.language = KB_ENGLISH};
 *   struct kb_host host;                                   threads, codecs, memory
 *   struct kb_source source;                               a file, a pipe
 *   struct kb_reader *reader;                              any trace, as blocks of runs
 *   struct kb_sweep sweep = {.items = …, .count = …};      policies × memory sizes
 *
 *   kb_host_open → kb_file_open → kb_reader_open → kb_sweep_run → kb_sweep_free →
 *   kb_reader_close → kb_file_close → kb_host_close
 *
 * Functions that can fail return a kb_status that must be checked and fill a
 * kb_error with a finished sentence. Nothing here prints, exits, or keeps
 * global state. docs/examples/sweep.c is a whole program. */
#ifndef KILBURN_H
#define KILBURN_H

#include "base/host.h"
#include "base/json.h"
#include "base/random.h"
#include "base/run.h"
#include "base/status.h"
#include "base/units.h"
#include "host/host.h"
#include "machine/cost.h"
#include "machine/segment.h"
#include "machine/walk.h"
#include "os/batch.h"
#include "os/job.h"
#include "os/os.h"
#include "os/timeline.h"
#include "policy/fetch/fetch.h"
#include "policy/placement/placement.h"
#include "policy/policy.h"
#include "record/recorder.h"
#include "replay/advice.h"
#include "replay/ahead.h"
#include "replay/mapping.h"
#include "replay/release.h"
#include "replay/replay.h"
#include "replay/stack.h"
#include "replay/step.h"
#include "replay/story.h"
#include "replay/sweep.h"
#include "replay/working_set.h"
#include "report/plot.h"
#include "report/strip.h"
#include "scenario/scenario.h"
#include "store/staged.h"
#include "store/store.h"
#include "trace/format.h"
#include "trace/generate.h"
#include "trace/reader.h"
#include "trace/writer.h"

#endif
