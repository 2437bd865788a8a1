/* SPDX-License-Identifier: MIT */
/*
 * image_rows.c: the rows of the commands that run in nestctl-image. nestctl uses them for options,
 * help and completion.
 */
#include "tools/nestctl/core/command.h"
#include "tools/nestctl/image/archive.h"
#include "tools/nestctl/image/image.h"

static const struct option_row build_options[] = {
	{ 'v', "variant", "debian|systemd|busybox",
		"what to build (debian); systemd is Debian with an init, sshd and logins, which "
		"nestctl run starts as a machine" },
	{ 'S', "suite", "bookworm|trixie|forky|sid",
		"the Debian release (bookworm), or another suite that mmdebstrap(1) knows" },
	{ 's', "size", "SIZE", "room in its file system (2G, 64M); the file is sparse" },
	{ 'o', "output", "FILE", "the image's file, instead of one in the store" },
	{ 'f', "force", NULL, "replace an existing image" },
	{ 0 },
};

const struct command cmd_image_build = {
	.name = "image build",
	.args = "[PACKAGE...]",
	.help = "Makes an image of Debian, or a small one with busybox.",
	.text = "Debian is made with mmdebstrap(1): its minbase variant, a few tools, and each "
		"PACKAGE. A normal user can do this too, with user namespaces or else with "
		"fakechroot; owners and device nodes are right either way, since libext2fs "
		"writes the archive straight into the file system. busybox is the host's "
		"static one and needs no network.\n\nThe image is called debian, debian-SUITE, "
		"systemd, systemd-SUITE or busybox unless -o names its file. It appears under its "
		"name when it is "
		"complete and e2fsck(8) finds nothing wrong with it. An existing image of that "
		"name is replaced with --force only.",
	.options = build_options,
	.helper = true,
};

#define OPTIONS_CHANGE                                                                             \
	{ 'c', "change", "INSTRUCTION",                                                            \
		"change the image's settings: CMD, ENTRYPOINT, ENV, EXPOSE, LABEL, USER, VOLUME, " \
		"WORKDIR and others, as in a Containerfile" },                                     \
	{                                                                                          \
		'm', "message", "TEXT", "what to say of the image, its Comment in nestctl inspect" \
	}
static const struct option_row import_options[] = {
	{ 's', "size", "SIZE",
		"room in its file system (its contents, a quarter more, and 256M); the file is "
		"sparse" },
	OPTIONS_CHANGE,
	{ 0 },
};

const struct command cmd_image_import = {
	.name = "image import",
	.args = "FILE [NAME]",
	.help = "Makes an image of a root tarball or a container's image.",
	.text = "FILE is a tar of a root file system, plain or compressed with gzip, bzip2, xz or "
		"zstd; an OCI layout, as a folder or a tar; or the output of docker save or podman "
		"save. - is standard input. The content decides. NAME is by default FILE's name "
		"without folder and endings. With a slash it is a path, and the image does not go "
		"to the store. An existing image is not replaced.\n\nOf a container's image the "
		"one for amd64 is taken. Its layers are merged, and the digest of each part is "
		"checked. The environment, entry point, command, folder and user of its "
		"configuration become the defaults of nestctl run (NAME.ext4.config beside the "
		"image).\n\nOwners, modes, times, hard links, device nodes and extended attributes "
		"(user., trusted. and security., so capabilities too) are kept, also without root. "
		"The image appears when it is complete and e2fsck(8) finds nothing wrong with "
		"it.\n\nWhat unpacks to more than 1 GiB and 32 times its size is taken for a bomb "
		"and refused, unless four times --size is more.\n\n\tnestctl image import "
		"debian-rootfs.tar.xz debian\n\tskopeo copy "
		"docker://alpine oci:alpine && nestctl image import alpine\n\tdocker save web | "
		"nestctl image import - web && nestctl run web",
	.options = import_options,
	.helper = true,
};

const struct command cmd_import = {
	.name = "import",
	.args = "FILE|- [NAME]",
	.help = "Makes an image of a root tarball or a container's image.",
	.text = "As nestctl image import, but it prints the image's name alone. Nothing is fetched "
		"from the network.\n\n\tnestctl export web | nestctl import -c 'CMD "
		"[\"httpd\", \"-f\"]' - web2\n\tcurl -L https://example.org/rootfs.tar.xz | "
		"nestctl import - root",
	.options = import_options,
	.helper = true,
};

static const struct option_row load_options[] = {
	{ 'i', "input", "FILE", "the archive, instead of standard input" },
	{ 'q', "quiet", NULL, "no progress bar" },
	{ 0 },
};
static const char load_text[] =
	"It is the output of docker save, podman save or nestctl image save, or an OCI layout with "
	"its image's name. The image gets the last part of that name, without :latest. An existing "
	"image is not replaced. All images of the archive for amd64 are made, each with all names "
	"that it has there; if one of the names is taken, none is made. An image without a name "
	"gets its digest, sha256:..., as its name. nestctl import gives it another.\n\n\tdocker "
	"save web | nestctl load\n\tnestctl load -i web.tar";

const struct command cmd_load = {
	.name = "load",
	.args = "",
	.help = "Makes an image of an archive, with the name that is in it.",
	.text = load_text,
	.options = load_options,
	.helper = true,
};

const struct command cmd_image_load = {
	.name = "image load",
	.args = "",
	.help = "Makes an image of an archive, with the name that is in it.",
	.text = load_text,
	.options = load_options,
	.helper = true,
};

static const struct option_row output_options[] = {
	{ 'o', "output", "FILE", "the archive, instead of standard output; it is replaced" },
	{ 0 },
};

const struct command cmd_export = {
	.name = "export",
	.args = "UMID",
	.help = "Writes an instance's files as a tar.",
	.text = "The tar has the root file system: the image's files and what the instance has "
		"changed. Volumes, folders of the host and what is in memory (/tmp, /run) are not "
		"in it, and sockets are left out. The instance's disk is read, by no program of "
		"its own: a running instance goes on, and its disk is taken as nestctl snapshot "
		"does; a detached one that has ended cannot be started meanwhile. Owners, modes, "
		"times, hard links, devices and extended attributes are kept.\n\nFILE is "
		"compressed if its name ends in .gz, .tgz, .bz2, .xz, .txz or .zst.\n\n\tnestctl "
		"export web >web.tar\n\tnestctl export -o web.tar.zst web",
	.options = output_options,
	.helper = true,
};

const struct command cmd_image_save = {
	.name = "image save",
	.args = "IMAGE...",
	.help = "Writes images, with their settings and names, as an archive.",
	.text = "It is an OCI archive with docker's manifest.json, which docker, podman and "
		"nestctl "
		"load take, as nestctl image export --oci writes it. An image has one layer; names "
		"of one "
		"file (nestctl tag) share it. (nestctl save saves the state of a running "
		"instance.)\n\n\tnestctl image save -o web.tar web\n"
		"\tnestctl image save web db | ssh host docker load",
	.options = output_options,
	.helper = true,
};

static const struct option_row export_options[] = {
	{ 'o', "output", "FILE", "the tar's file, instead of standard output" },
	{ 256, "oci", NULL,
		"write an OCI archive with the image's settings, which podman and docker load" },
	{ 0 },
};

const struct command cmd_image_export = {
	.name = "image export",
	.args = "IMAGE",
	.help = "Writes a root tarball, or an OCI archive, of an image.",
	.text = "An instance over a temporary copy-on-write layer packs its own files, with the "
		"image's sh, mount and tar. So no root is needed, IMAGE is not written to, and it "
		"may be a copy-on-write layer too. GNU tar keeps extended attributes and holes, "
		"busybox's tar does not.\n\nFILE appears when it is complete. An existing file is "
		"not replaced. It is compressed if its name ends in .gz, .tgz, .bz2, .xz, .txz or "
		".zst.\n\nAn OCI archive (--oci) has one layer, and docker's manifest.json, too; "
		"the image "
		"needs no program for it.\n\n\tnestctl image export --oci -o web.tar web; podman "
		"load "
		"-i web.tar\n\tnestctl image export debian | zstd >debian.tar.zst\n\tnestctl run "
		"--keep work.cow debian; nestctl image export ./work.cow -o work.tar",
	.options = export_options,
	.helper = true,
};

static const struct option_row cp_options[] = {
	{ 'a', "archive", NULL,
		"keep user and group, as numbers; without it files become root's inside, and the "
		"caller's here" },
	{ 'L', "follow-link", NULL, "copy what symbolic links lead to" },
	{ 0 },
};

const struct command cmd_cp = {
	.name = "cp",
	.args = "NAME:PATH FILE|-  or  FILE|- NAME:PATH",
	.help = "Copies files between the host and an instance.",
	.text = "A copy into a folder that exists gets its own name there; else it gets the name "
		"of "
		"the target. PATH/. means the contents of PATH. - is a tar on standard input, "
		"which "
		"is unpacked in PATH, or on standard output.\n\nThe instance needs sh and tar. A "
		"detached one that does not run is copied from and to by an instance over its "
		"layer.\n\nFrom an instance come files, folders and links only, within the target. "
		"Devices are left out, and a symbolic link of the instance's leads no file out of "
		"it.\n\n\tnestctl cp web:/etc/hosts .\n\tnestctl cp site/. web:/var/www\n\tnestctl "
		"cp "
		"web:/var/log - | tar -t",
	.options = cp_options,
	.helper = true,
};
