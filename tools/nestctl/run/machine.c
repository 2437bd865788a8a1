/* SPDX-License-Identifier: MIT */
/*
 * machine.c: `nestctl run --init`: an image whose own init becomes process 1. What its login and
 * cloud-init need are strings of the job (tools/init/job.h).
 *
 * Its console is tty1, where systemd starts a getty without waiting for udev. A restart by the
 * guest ends the kernel with MACHINE_RESTARTS, and attend.c starts it again with the same layer.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tools/nestctl/core/nestctl.h"
#include "tools/nestctl/image/image.h"
#include "tools/nestctl/run/run.h"

#define KEYS_MAX 32768
#define SEED_MAX 131072

/* Returns the content of a text file of at most @max bytes. */
static char *read_text(const char *option, const char *path, size_t max)
{
	char *text = xalloc(max + 2);
	FILE *f = fopen(path, "re");
	size_t n;

	if (!f)
		die("run: %s %s: %s", option, path, strerror(errno));
	errno = 0;
	n = fread(text, 1, max + 1, f);
	if (ferror(f))
		die("run: %s %s: %s", option, path, strerror(errno));
	fclose(f);
	if (n > max)
		die("run: %s %s: more than %zu KiB", option, path, max >> 10);
	if (memchr(text, '\0', n))
		die("run: %s %s: not a text", option, path);
	return text;
}

/* ---- the login ---- */

/* Makes a salt of 16 characters for crypt(3), with SHA-512 as the method. */
static void make_salt(char salt[20])
{
	static const char digits[] =
		"./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
	unsigned char random[16];

	if (getrandom(random, sizeof(random), 0) != sizeof(random))
		die("getrandom: %s", strerror(errno));
	memcpy(salt, "$6$", 3);
	for (int i = 0; i < 16; i++)
		salt[3 + i] = digits[random[i] % 64];
	salt[19] = '\0';
}

const char *run_set_password(struct run *r, const char *text)
{
	const char *hash = text;
	char salt[20];

	if (!*text || strpbrk(text, ":\n"))
		die("run: --password: expected a text without ':'");
	if (*text != '$') {
		make_salt(salt);
		hash = crypt(text, salt);
		if (!hash || *hash == '*')
			die("run: --password: it cannot be hashed");
	}
	run_add_setting(r, 'p', format("root:%s", hash));
	r->password = true;
	return hash;
}

void run_add_ssh_key(struct run *r, const char *path)
{
	char *text = read_text("--ssh-key", path, KEYS_MAX);
	size_t n = strlen(text);

	if (strstr(text, "PRIVATE KEY"))
		die("run: --ssh-key %s: this is a private key; its FILE.pub is wanted", path);
	if (!strchr(text, ' '))
		die("run: --ssh-key %s: not a public key", path);
	if (text[n - 1] != '\n')
		strcat(text, "\n");
	run_add_setting(r, 'k', text);
}

/* ---- cloud-init ---- */

static void add_seed(struct run *r, const char *name, const char *text)
{
	run_add_setting(r, 's', format("%s\n%s", name, text));
}

/*
 * cloud-init finds the files in its seed folder of the image, so that it needs no disk labelled
 * cidata.
 */
void run_set_cloud_init(struct run *r, const char *path)
{
	static const char *const names[] = { "user-data", "meta-data", "vendor-data",
		"network-config" };
	struct stat st;
	bool dir, meta = false;

	if (stat(path, &st))
		die("run: --cloud-init %s: %s", path, strerror(errno));
	dir = S_ISDIR(st.st_mode);
	if (dir && access(format("%s/user-data", path), R_OK))
		die("run: --cloud-init %s: it has no file user-data", path);
	if (!dir)
		add_seed(r, "user-data", read_text("--cloud-init", path, SEED_MAX));
	for (size_t i = 0; dir && i < sizeof(names) / sizeof(names[0]); i++) {
		const char *file = format("%s/%s", path, names[i]);

		if (access(file, F_OK))
			continue;
		add_seed(r, names[i], read_text("--cloud-init", file, SEED_MAX));
		meta = meta || i == 1;
	}
	r->needs_meta = !meta;
}

/* ---- the image ---- */

/* True if the program's name is that of an init. */
static bool is_init(const char *path)
{
	const char *base = strrchr(path, '/') ? strrchr(path, '/') + 1 : path;

	return *path == '/' && (!strcmp(base, "init") || !strcmp(base, "systemd"));
}

/* True if the first word of a machine's command is an init, or a word that an init understands. */
static bool is_for_init(const char *word)
{
	static const char *const modes[] = { "single", "emergency", "rescue", "s", "S" };

	for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++)
		if (!strcmp(word, modes[i]))
			return true;
	/* a program, an option, a runlevel, or a setting such as systemd.unit=x */
	return strchr("/-0123456789", *word) || strpbrk(word, "=.");
}

bool machine_has_init(const struct image_config *c)
{
	const char *command = NULL;

	for (const char *p = c->text; p && p < c->text + c->size; p += strlen(p) + 1)
		if (*p == 'x' || (*p == 'c' && !command)) {
			command = p + 1;
			if (*p == 'x')
				break;
		}
	return command && is_init(command);
}

void machine_choose(struct run *r, const struct image_config *c)
{
	if (!r->init && (r->entrypoint || r->command[0] || !machine_has_init(c))) {
		if (r->machine_option)
			die("run: %s needs --init, or an image whose command is an init",
				r->machine_option);
		return;
	}
	if (r->init && r->command[0] && !is_for_init(r->command[0]))
		die("run: --init: %s is no word for an init; --init is for images with an init of "
		    "their own, such as systemd, and a small one that reaps orphans is always "
		    "there",
			r->command[0]);
	r->machine = true;
	r->login = true;
	r->no_template = true;
	if (r->user || r->dir)
		die("run: %s: an init has neither a user nor a folder of its own",
			r->user ? "--user" : "--workdir");
}

/* ---- the next kernel ---- */

int machine_file(const char *const *argv, const char *job, size_t size)
{
	int fd = memfd_create(MACHINE_FILE, MFD_CLOEXEC);

	if (fd < 0)
		die("memfd: %s", strerror(errno));
	for (; *argv; argv++)
		write_all(fd, *argv, strlen(*argv) + 1, MACHINE_FILE);
	write_all(fd, "", 1, MACHINE_FILE);
	write_all(fd, job, size, MACHINE_FILE);
	return fd;
}

/* ---- the kernel's parameters ---- */

void machine_settings(struct run *r)
{
	if (r->needs_meta)
		add_seed(r, "meta-data",
			format("instance-id: nestling-%s\n%s%s%s", r->name ?: "1",
				r->hostname ? "local-hostname: " : "", r->hostname ?: "",
				r->hostname ? "\n" : ""));
	r->needs_meta = false;
	if (r->terminal)
		run_add_setting(r, 'g', r->password ? "" : "root");
}

void machine_console(struct run *r)
{
	bool input = !r->supervised || r->interactive;

	run_add(r, "console=tty1");
	if (r->terminal) {
		run_add(r, "con1=fd:0,fd:1");
		return;
	}
	if (input)
		r->fds[0] = pump_input(0, r->ready);
	r->fds[1] = pump_output(1, r->control_fd);
	run_add(r, input ? "con1=fd:0,fd:1" : "con1=null,fd:1");
}
