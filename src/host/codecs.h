/* codecs.h - an insider of src/host. */
#ifndef KB_HOST_CODECS_H
#define KB_HOST_CODECS_H

#include "base/host.h"

extern const struct kb_codecs kb_host_codecs;

#endif
