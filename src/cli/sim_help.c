/* sim_help.c - `kilburn sim --policy help`, `--fetch help`: a line each, the options below. */
#include <inttypes.h>

#include "sim.h"

static void print_option(const struct cli *cli, const struct kb_option *option) {
    printf("                  :%s=", option->name);
    if (option->choices != NULL)
        printf("%s", option->choices);
    else
        printf("%" PRIu64, option->preset);
    printf("  %s\n", cli_text(cli, option->help));
}

void sim_fetch_help(const struct cli *cli) {
    for (unsigned i = 0; kb_fetches[i] != NULL; i++) {
        const struct kb_fetch *fetch = kb_fetches[i];
        printf("%-16s  %s (%s)\n", fetch->name, cli_text(cli, fetch->title), fetch->source);
        for (unsigned k = 0; k < fetch->option_count; k++)
            print_option(cli, &fetch->options[k]);
    }
}

void sim_policy_help(const struct cli *cli) {
    for (unsigned i = 0; kb_policies[i] != NULL; i++) {
        const struct kb_policy *policy = kb_policies[i];
        printf("%-16s  %s (%s)\n", policy->name, cli_text(cli, policy->title), policy->source);
        for (unsigned k = 0; k < policy->option_count; k++)
            print_option(cli, &policy->options[k]);
    }
}
