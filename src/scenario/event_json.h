/* event_json.h - events as JSON objects, one each; docs/events.md is their reference. */
#ifndef KB_SCENARIO_EVENT_JSON_H
#define KB_SCENARIO_EVENT_JSON_H

#include "base/json.h"
#include "os/os.h"

/* Writes {"event":…, "time":…, "process":…, …}; key is NULL inside an array. */
void kb_event_json(struct kb_json *json, const char *key, const struct kb_os *os,
                   const struct kb_os_event *event);

#endif
