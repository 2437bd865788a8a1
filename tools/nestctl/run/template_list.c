/* SPDX-License-Identifier: MIT */
/* template_list.c: templates in `nestctl states` and `nestctl states rm`. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tools/nestctl/core/json.h"
#include "tools/nestctl/core/colour.h"
#include "tools/nestctl/core/table.h"
#include "tools/nestctl/core/nestctl.h"
#include "tools/nestctl/run/template.h"

static const char *last_part(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

static void print_json(const struct template_row *r)
{
	json_open(NULL, '{');
	json_text("name", last_part(r->folder));
	json_text("folder", r->folder);
	json_text("image", r->image);
	json_number("used", (int64_t)r->used);
	json_number("disk", (int64_t)r->disk);
	json_text("fault", r->fault);
	json_close('}');
}

static void print(struct table *t, const struct template_row *r)
{
	time_t used = (time_t)r->used;
	char text[32] = "";
	struct tm tm;

	if (localtime_r(&used, &tm))
		strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%S", &tm);
	table_row(t, (const char *[]){ last_part(r->folder), size_text((double)r->disk),
			     format("%s", text),
			     format("%s%s%s", last_part(r->image),
				     r->fault ? ": none can be made: " : "",
				     r->fault ? r->fault : "") });
}

void templates_show(bool json)
{
	size_t n;
	struct template_row *all = templates_list(&n);

	struct table *t = NULL;

	if (json)
		json_open(NULL, '[');
	else
		t = table_new((const char *[]){ "TEMPLATE", "SIZE", "USED", "IMAGE", NULL });
	for (size_t i = 0; i < n; i++)
		if (json)
			print_json(&all[i]);
		else
			print(t, &all[i]);
	if (json)
		json_close(']');
	if (t)
		table_print(t);
	free(all);
}

void templates_remove_all(void)
{
	size_t n;
	struct template_row *all = templates_list(&n);

	for (size_t i = 0; i < n; i++)
		template_remove(all[i].folder);
	free(all);
}
