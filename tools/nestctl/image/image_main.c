/* SPDX-License-Identifier: MIT */
/*
 * image_main.c: the program nestctl-image. nestctl executes it for commands that need libarchive or
 * libext2fs, so that nestctl itself needs no shared library.
 *
 *	nestctl-image NESTCTL COMMAND [WORD...]	NESTCTL: the path of the nestctl that started
 *						it; COMMAND: a full name, as "image build"
 */
#include <locale.h>
#include <string.h>

#include "tools/nestctl/build/build.h"
#include "tools/nestctl/image/archive.h"
#include "tools/nestctl/image/image.h"
#include "tools/nestctl/core/nestctl.h"

const char *nestctl_path;

/*
 * @others: it executes programs that may need rights which this process does not have: newuidmap
 * (mmdebstrap), helpers of skopeo. All other commands parse what others have written, and execute
 * programs of this package and of e2fsprogs.
 */
static const struct {
	const struct command *command;
	int (*run)(int argc, char **argv);
	bool others;
} verbs[] = {
	{ &cmd_image_build, image_build, true },
	{ &cmd_image_import, image_import, false },
	{ &cmd_image_export, image_export, false },
	{ &cmd_image_save, image_save, false },
	{ &cmd_image_load, image_load, false },
	{ &cmd_export, export_instance, false },
	{ &cmd_import, import_image, false },
	{ &cmd_load, load_image, false },
	{ &cmd_cp, copy_files, false },
	{ &cmd_build, build_image, false },
	{ &cmd_commit, commit_instance, false },
	{ &cmd_diff, diff_instance, false },
	{ &cmd_pull, pull_image, true },
};

int main(int argc, char **argv)
{
	prepare_process();
	setlocale(LC_CTYPE, "C.UTF-8"); /* libarchive converts names */
	/* a step of a build: this program has executed itself */
	if (argc > 2 && !strcmp(argv[2], cmd_build_step.name)) {
		nestctl_path = argv[1];
		gain_no_rights();
		return finish_output(cmd_build_step.run(argc - 2, argv + 2));
	}
	for (size_t i = 0; argc > 2 && i < sizeof(verbs) / sizeof(verbs[0]); i++) {
		if (strcmp(verbs[i].command->name, argv[2]))
			continue;
		nestctl_path = argv[1];
		if (!verbs[i].others)
			gain_no_rights();
		return finish_output(verbs[i].run(argc - 2, argv + 2));
	}
	die("nestctl-image is a part of nestctl; try nestctl image --help");
}
