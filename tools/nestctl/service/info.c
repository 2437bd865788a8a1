/* SPDX-License-Identifier: MIT */
/* info.c: `nestctl info` and `nestctl version`. */
#include <dirent.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysinfo.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "gen/build_id.h"
#include "tools/nestctl/core/colour.h"
#include "tools/nestctl/core/command.h"
#include "tools/nestctl/core/fields.h"
#include "tools/nestctl/core/json.h"
#include "tools/nestctl/core/nestctl.h"
#include "tools/nestctl/run/run.h"
#include "tools/nestctl/service/view.h"
#include "tools/nestctl/state/state.h"

/* Prints by @template the JSON that @put writes. If @template is NULL, calls @print instead. */
static void show(const char *template, void (*put)(void), void (*print)(void))
{
	struct fields *f;

	if (!template)
		return print();
	f = fields_parse(template);
	fields_row_begin(f);
	put();
	fields_row_end(f);
	fields_finish(f);
}

static const char *take_template(const struct command *c, int argc, char **argv)
{
	const char *template = NULL;

	for (int key; (key = next_option(c, argc, argv));)
		template = key == KEY_JSON ? "json" : optarg;
	take_words(c, argc, argv, 0, 0);
	return template;
}

/* ---- version ---- */

static const char *kernel_file(void)
{
	const char *kernel = default_kernel();

	return access(kernel, X_OK) ? NULL : realpath(kernel, NULL);
}

static void put_version(void)
{
	const char *kernel = kernel_file();

	json_open(NULL, '{');
	json_open("Client", '{');
	json_text("Version", NESTLING_VERSION);
	json_text("Arch", "amd64");
	json_text("Os", "linux");
	json_close('}');
	json_open("Kernel", '{');
	json_text("Path", kernel);
	json_text("BuildId", kernel ? build_id_of(kernel) : NULL);
	json_close('}');
	json_close('}');
}

static void print_version(void)
{
	const char *kernel = kernel_file();
	const char *id = kernel ? build_id_of(kernel) : NULL;

	printf("nestctl  %s\nkernel   %s\nbuild id %s\n", NESTLING_VERSION,
		kernel ? kernel : "none: set $NESTLING_KERNEL", id ? id : "unknown");
}

static int version(int argc, char **argv)
{
	show(take_template(&cmd_version, argc, argv), put_version, print_version);
	return 0;
}

static const struct option_row version_options[] = {
	{ 'f', "format", "TEMPLATE", "print fields: {{.Client.Version}}, {{.Kernel.Path}}" },
	OPTION_JSON,
	{ 0 },
};

const struct command cmd_version = {
	.name = "version",
	.args = "",
	.help = "Prints the versions of nestctl and of the kernel that run takes.",
	.text = "There is no server: each instance is a process of the user's.",
	.options = version_options,
	.run = version,
};

/* ---- info ---- */

struct facts {
	size_t all, running, paused, images;
	struct utsname host;
	struct sysinfo memory;
	const char *folder;
};

static size_t count_images(void)
{
	DIR *d = opendir(image_dir());
	size_t n = 0;

	for (struct dirent *e; d && (e = readdir(d));) {
		size_t len = strlen(e->d_name);

		n += len > 5 && !strcmp(e->d_name + len - 5, ".ext4");
	}
	if (d)
		closedir(d);
	return n;
}

static struct facts facts_read(void)
{
	struct facts f = { 0 };
	struct view *views = views_all(true, &f.all);

	for (size_t i = 0; i < f.all; i++) {
		f.paused += !strcmp(views[i].word, "paused");
		f.running += views[i].state.phase == PHASE_RUNNING;
	}
	f.images = count_images();
	f.folder = data_dir("");
	uname(&f.host);
	sysinfo(&f.memory);
	return f;
}

static void put_info(void)
{
	const struct facts f = facts_read();

	json_open(NULL, '{');
	json_number("Containers", (int64_t)f.all);
	json_number("ContainersRunning", (int64_t)(f.running - f.paused));
	json_number("ContainersPaused", (int64_t)f.paused);
	json_number("ContainersStopped", (int64_t)(f.all - f.running));
	json_number("Images", (int64_t)f.images);
	json_text("ServerVersion", NESTLING_VERSION);
	json_text("KernelVersion", f.host.release);
	json_text("Architecture", f.host.machine);
	json_text("Name", f.host.nodename);
	json_number("NCPU", get_nprocs());
	json_number("MemTotal", (int64_t)f.memory.totalram * f.memory.mem_unit);
	json_text("RootDir", f.folder);
	json_text("Kernel", kernel_file());
	json_close('}');
}

static void print_info(void)
{
	const struct facts f = facts_read();
	const char *kernel = kernel_file();

	printf("instances  %zu: %zu running, %zu paused, %zu ended\n", f.all, f.running - f.paused,
		f.paused, f.all - f.running);
	printf("images     %zu\nfolder     %s\n", f.images, f.folder);
	printf("nestctl    %s\nkernel     %s\n", NESTLING_VERSION, kernel ? kernel : "none");
	printf("host       %s, Linux %s, %s\n", f.host.nodename, f.host.release, f.host.machine);
	printf("CPUs       %d\nmemory     %s\n", get_nprocs(),
		short_size((double)f.memory.totalram * f.memory.mem_unit));
}

static int info(int argc, char **argv)
{
	show(take_template(&cmd_info, argc, argv), put_info, print_info);
	return 0;
}

static const struct option_row info_options[] = {
	{ 'f', "format", "TEMPLATE",
		"print fields: {{.ContainersRunning}}, {{.Images}}, {{.RootDir}}" },
	OPTION_JSON,
	{ 0 },
};

const struct command cmd_info = {
	.name = "info",
	.args = "",
	.help = "Prints how many instances and images there are, and on which host.",
	.options = info_options,
	.run = info,
};
