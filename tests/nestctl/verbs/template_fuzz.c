/* SPDX-License-Identifier: MIT */
/*
 * template_fuzz.c: templates of --format, by nestctl's own parser.
 *
 *	template_fuzz TEMPLATE			prints the row of standard input by it, "|" and
 *						the heads of a table, or the error
 *	template_fuzz SEED EXECUTIONS START	executions START to EXECUTIONS - 1: damaged
 *						templates over a fixed row; a crash says which
 *						execution it was
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sanitizer/common_interface_defs.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/fuzz.h"
#include "tests/nestctl/stand_in.h"
#include "tools/nestctl/core/fields_tree.h"

#define SIZE_MAX_ROW 65536
#define BATCH 500

static jmp_buf refused;
static char said[4096];

void die(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vsnprintf(said, sizeof(said), fmt, args);
	va_end(args);
	longjmp(refused, 1);
}

/* Returns what the template makes of the row, or the error. */
static const char *result(const char *template, const char *row)
{
	static char *text;
	size_t size;
	FILE *f = open_memstream(&text, &size);

	if (!f)
		abort();
	if (setjmp(refused)) {
		fclose(f);
		return said;
	}
	struct field_node *n = field_nodes_parse(template);
	const struct json *j = json_parse(row, strlen(row), "row");

	field_nodes_run(f, n, j);
	fputc('|', f);
	field_nodes_heads(f, n, "ID");
	fclose(f);
	return text;
}

static const char row[] = "{\"Names\": \"web\", \"N\": 3, \"On\": true, \"None\": null, \"List\": "
			  "[\"a\", \"b\"], \"Labels\": "
			  "{\"x\": \"1\", \"a.b\": \"2\"}, \"State\": {\"Status\": \"running\", "
			  "\"Code\": 0}, \"Ports\": "
			  "{\"80/tcp\": [{\"HostPort\": \"8080\"}]}}";
static const char *const pieces[] = { "{{", "}}", "{{- ", " -}}", ".Names", ".State.Status",
	".List", ".Ports", ".Labels", ".", "$", "$x", "$x := ", "$k, $v := ", "if ", "else",
	"else if ", "end", "{{end}}", "{{else}}", "range ", "with ", "(", ")", "|", " ", "\"a\"",
	"\"x\"", "`b`", "0", "1", "-2", "1e3", "true", "nil", "and ", "or ", "not ", "index ",
	"len ", "join ", "split ", "eq ", "lt ", "upper ", "title ", "pad ", "truncate ", "printf ",
	"\"%-5s\"", "\"%d\"", "print ", "println ", "json ", "\\t", "\\n", "/*", "*/", ".Label ",
	"{{if .On}}", "{{range .List}}", "{{with .State}}", "{{.Names}}",
	"{{range $k, $v := .Ports}}", "{{$k}}", "text" };

static void make(char *out)
{
	size_t n = 1 + rnd() % 30, at = 0;

	for (size_t i = 0; i < n; i++) {
		const char *p = pieces[rnd() % (sizeof(pieces) / sizeof(pieces[0]))];

		at += (size_t)sprintf(out + at, "%s", p);
		if (at && rnd() % 40 == 0)
			out[rnd() % at] = (char)(1 + rnd() % 255);
	}
	out[at] = '\0';
}

static void batch(unsigned long seed, unsigned long from, unsigned long to)
{
	char text[4096];

	for (execution = from; execution < to; execution++) {
		rnd_begin(seed);
		alarm(20);
		make(text);
		result(text, row);
	}
}

int main(int argc, char **argv)
{
	unsigned long seed, end, from;

	if (argc == 2) {
		static char text[SIZE_MAX_ROW];

		text[fread(text, 1, sizeof(text) - 1, stdin)] = '\0';
		puts(result(argv[1], text));
		return 0;
	}
	seed = strtoul(argv[1], NULL, 0);
	end = strtoul(argv[2], NULL, 0);
	from = strtoul(argv[3], NULL, 0);
	__sanitizer_set_death_callback(say_where);
	for (; from < end; from += BATCH) {
		pid_t pid = fork();
		int status;

		if (!pid) {
			batch(seed, from, from + BATCH < end ? from + BATCH : end);
			_exit(0);
		}
		if (waitpid(pid, &status, 0) != pid || status) {
			fprintf(stderr, "a batch from %lu ended with status %#x\n", from, status);
			return 1;
		}
	}
	return 0;
}
