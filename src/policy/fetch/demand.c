/* demand.c - demand fetch (búsqueda por demanda): a page comes when it is needed, and no other.
 *
 * Source: Kilburn, Edwards, Lanigan and Sumner 1962 (Atlas). */
#include "policy/fetch/fetch.h"

const struct kb_fetch kb_fetch_demand = {
    .name = "demand", .title = KB_MSG_fetch_demand, .source = "Kilburn et al. 1962"};
