/* timeline.c - the time line of the last machine of a scenario, drawn from its events: processes
 * begin and end, take turns, and are looked at now and then. */
#include "scenario/session.h"

/* Memory that runs out is told at the end. */
static void note(struct kb_scenario *s, kb_status status) {
    if (status != KB_OK)
        s->timeline_failed = true;
}

static void close_turn(struct kb_scenario *s, const struct kb_process *process, uint64_t now) {
    if (process != NULL && now > s->turn_from)
        kb_timeline_ran(s->timeline, process, s->turn_from, now);
    s->turn_from = now;
}

kb_status kb_scenario_time_begin(struct kb_scenario *s) {
    if (s->options.timeline.write == NULL || s->rehearsing)
        return KB_OK;
    if (s->timeline == NULL)
        s->timeline = kb_take(s->options.host, sizeof *s->timeline);
    else
        kb_timeline_free(s->timeline);
    if (s->timeline == NULL)
        return kb_fail(s->error, KB_NO_MEMORY, KB_MSG_no_memory, "time line",
                       (unsigned long long)sizeof *s->timeline);
    kb_timeline_init(s->timeline, s->options.host);
    s->turn_from = 0;
    kb_status status = kb_timeline_sample(s->timeline, &s->os);
    for (uint32_t i = 0; i < s->os.process_count && status == KB_OK; i++) /* the kernel */
        status = kb_timeline_begin(s->timeline, &s->os, s->os.process[i]);
    return status;
}

void kb_scenario_time_event(struct kb_scenario *s, const struct kb_os_event *event) {
    if (s->timeline == NULL || !s->built)
        return;
    switch (event->kind) {
    case KB_OS_EVENT_CREATE:
        note(s, kb_timeline_begin(s->timeline, &s->os, event->process));
        break;
    case KB_OS_EVENT_SWITCH:
        close_turn(s, event->owner, event->time);
        break;
    case KB_OS_EVENT_KILL:
        if (event->process == s->os.running)
            close_turn(s, event->process, event->time);
        kb_timeline_end(s->timeline, &s->os, event->process);
        break;
    default:
        break;
    }
    if (event->time >= s->timeline->next)
        note(s, kb_timeline_sample(s->timeline, &s->os));
}

/* Writes what was recorded. */
kb_status kb_scenario_time_end(struct kb_scenario *s, struct kb_error *error) {
    struct kb_json json;
    if (s->timeline == NULL)
        return KB_OK;
    if (s->timeline_failed)
        return kb_fail(error, KB_NO_MEMORY, KB_MSG_no_memory, "time line",
                       (unsigned long long)sizeof *s->timeline);
    if (!s->built)
        return KB_OK;
    close_turn(s, s->os.running, s->os.counters.references);
    kb_status status = kb_timeline_sample(s->timeline, &s->os);
    if (status != KB_OK)
        return status;
    kb_json_begin(&json, s->options.timeline, error);
    kb_timeline_json(s->timeline, &s->os, &json);
    return kb_json_end(&json);
}

void kb_scenario_time_free(struct kb_scenario *s) {
    if (s->timeline == NULL)
        return;
    kb_timeline_free(s->timeline);
    kb_give_back(s->options.host, s->timeline, sizeof *s->timeline);
    s->timeline = NULL;
}
