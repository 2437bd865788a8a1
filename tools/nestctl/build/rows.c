/* SPDX-License-Identifier: MIT */
/*
 * rows.c: the command rows for the code of this folder, which runs in nestctl-image. nestctl uses
 * them for options, help and completion.
 */
#include <stddef.h>

#include "tools/nestctl/build/rows.h"
#include "tools/nestctl/core/command.h"
#include "tools/nestctl/core/docker.h"

static const struct option_row build_options[] = {
	{ 'f', "file", "FILE",
		"the Containerfile (CONTEXT/Containerfile, else CONTEXT/Dockerfile); - is standard "
		"input" },
	{ 't', "tag", "NAME",
		"the image's name in the store, several times for more; an image of that name is "
		"replaced" },
	{ 'o', "output", "FILE", "write an OCI archive, too, which podman and docker load" },
	{ KEY_BUILD_ARG, "build-arg", "NAME[=VALUE]",
		"a value for ARG; without one the variable's of the environment" },
	{ KEY_LABEL, "label", "NAME[=VALUE]",
		"a label of the image, over LABEL's of the Containerfile; may be given several "
		"times" },
	{ KEY_TARGET, "target", "STAGE", "build this stage, and those that it needs" },
	{ KEY_NO_CACHE, "no-cache", NULL, "carry out each step again" },
	{ KEY_SECRET, "secret", "id=NAME,src=FILE|env=VAR",
		"a file for RUN --mount=type=secret, which no layer has" },
	{ KEY_NETWORK, "network", "KIND", "the network of RUN: none, or as --net of nestctl run" },
	{ 's', "size", "SIZE",
		"room in the image's file system, if it is to be more than the first image's "
		"(scratch: 2G)" },
	{ 'm', "memory", "SIZE", "memory of the instances (1G)" },
	{ 'q', "quiet", NULL,
		"print the image's id alone, and what a step that fails has written" },
	{ KEY_IIDFILE, "iidfile", "FILE", "write the image's id, which run takes, to this file" },
	{ KEY_PLATFORM, "platform", "linux/amd64", "the image's platform, of which there is one" },
	{ KEY_PRUNE, "prune", NULL, "remove the cache of all builds, and build nothing" },
	{ KEY_IGNORED, "pull", NULL, NULL },
	{ KEY_IGNORED + 1, "rm", NULL, NULL },
	{ KEY_IGNORED + 2, "progress", "WORD", NULL },
	{ KEY_IGNORED + 3, "force-rm", NULL, NULL }, /* ignored: no step leaves an instance */
	{ KEY_IGNORED + 4, "load", NULL, NULL },     /* ignored: -t goes to the store */
	{ KEY_IGNORED + 5, "squash", NULL, NULL },   /* ignored: an image has one layer */
	{ 0 },
};

const struct command cmd_build = {
	.name = "build",
	.args = "CONTEXT",
	.help = "Makes an image by the instructions of a Containerfile.",
	.text = "CONTEXT is the folder whose files COPY and ADD take. FROM names an image of the "
		"store, scratch, or a path: an image's file, an OCI layout or an archive of one "
		"(./base.oci). Instructions are docker's; docs/build.md says what differs. A "
		"CONTEXT "
		"of - reads the Containerfile from standard input, and there is no folder then."
		"\n\nEach RUN, "
		"COPY and ADD is an instance of its own, over a copy-on-write layer that is kept "
		"in "
		"a cache. A step whose command, files, environment and beginning are those of an "
		"earlier one is not carried out again. A build that fails or is interrupted leaves "
		"the layers of complete steps, and no image.\n\nMessages and the output of RUN go "
		"to "
		"standard error, the image's name to standard output. An image without -t "
		"gets its digest as its name if --iidfile, or --quiet without -o, is to tell it."
		"\n\n\tnestctl build -t web "
		".\n\tnestctl build -t web --network none --build-arg VERSION=2 -o web.oci.tar ."
		"\n\tnestctl run \"$(nestctl build -q .)\"",
	.options = build_options,
	.hint = docker_build_option,
	.helper = true,
};

static const struct option_row commit_options[] = {
	{ 'c', "change", "INSTRUCTION",
		"change the image's settings: CMD, ENTRYPOINT, ENV, EXPOSE, LABEL, USER, VOLUME, "
		"WORKDIR and others, as in a Containerfile" },
	{ 'm', "message", "TEXT", "what to say of the image, its Comment in nestctl inspect" },
	{ 'a', "author", "TEXT", "its author" },
	{ 0 },
};

const struct command cmd_commit = {
	.name = "commit",
	.args = "NAME IMAGE",
	.help = "Makes an image of a detached instance's files.",
	.text = "The image has the files of the instance's image and what its layer has changed; "
		"volumes are not in it. Its settings are those of the instance's image, with what "
		"-e, -w, -u, --entrypoint, --label, --stop-signal and the command of nestctl run "
		"have set. A running instance goes on: its disk is taken as nestctl snapshot does. "
		"An existing image "
		"is "
		"not replaced.\n\n\tnestctl run -d --name work debian -- sleep inf\n\tnestctl "
		"commit "
		"-c 'CMD [\"bash\"]' work debian-work",
	.options = commit_options,
	.helper = true,
};

const struct command cmd_diff = {
	.name = "diff",
	.args = "NAME",
	.help = "Shows which files of a detached instance differ from its image's.",
	.text = "A line for each: A is new, C is changed, D is gone. A file counts as changed if "
		"its "
		"inode is: its data, owner, mode or time.",
	.helper = true,
};

const struct command cmd_pull = {
	.name = "pull",
	.args = "IMAGE [NAME]",
	.help = "Gets an image from a registry by skopeo(1).",
	.text = "skopeo copies IMAGE, as docker names it, and nestctl image import makes NAME of "
		"it "
		"(the last part of IMAGE, without :latest). Without skopeo the command says what "
		"to "
		"do elsewhere. An existing image is not replaced.\n\n\tnestctl pull alpine:3.20\n"
		"\tnestctl run alpine:3.20",
	.helper = true,
};
