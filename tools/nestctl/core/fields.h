/* SPDX-License-Identifier: MIT */
/*
 * fields.h: the option --format of listings. It takes docker's templates, a part of Go's
 * text/template (fields_tree.h).
 *
 *      {{.Names}}   {{.State.ExitCode}}   {{json .}}   {{.Label "a"}}
 *      {{if eq .State.Status "running"}}up{{else}}down{{end}}
 *      {{range $port, $to := .NetworkSettings.Ports}}{{$port}} {{(index $to 0).HostPort}}{{end}}
 *      \t \n   "table ..." for columns with heads   "json"
 *
 * A row is JSON text, so that --json and --format have the same fields.
 */
#ifndef NESTLING_NESTCTL_FIELDS_H
#define NESTLING_NESTCTL_FIELDS_H

#include <stdbool.h>
#include <stdio.h>

struct fields;
/* Parses a template, which may be freed afterwards. Dies with a message if it is invalid. */
struct fields *fields_parse(const char *template);
/* As fields_parse(); @id is the head of the column {{.ID}}, which is "CONTAINER ID" there. */
struct fields *fields_parse_with(const char *template, const char *id);
/* Begins a row: everything that json.h writes from now on becomes the row's object. */
void fields_row_begin(struct fields *f);
/*
 * Prints the row on standard output, or adds it to the table, which drops cells after the
 * sixteenth. json.h writes to standard output again. Dies as field_nodes_run() does.
 */
void fields_row_end(struct fields *f);
/* Prints the table on standard output, if the template describes one, and frees @f. */
void fields_finish(struct fields *f);

#endif
