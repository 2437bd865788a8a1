/* SPDX-License-Identifier: MIT */
/* events.h: the record of what happens to detached instances and volumes, for `nestctl events`. */
#ifndef NESTLING_NESTCTL_EVENTS_H
#define NESTLING_NESTCTL_EVENTS_H

struct service;

/*
 * Records that @action, docker's word such as "die", has happened to an instance. @key and @value:
 * a further attribute, or NULL. An event that cannot be written is lost without an error, since no
 * instance depends on it.
 */
void event_service(const struct service *s, const char *action, const char *key, const char *value);
/* As event_service(), for another kind of object: @type is docker's word, such as "volume". */
void event_thing(const char *type, const char *action, const char *name);

#endif
