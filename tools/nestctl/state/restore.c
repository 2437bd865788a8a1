/* SPDX-License-Identifier: MIT */
/* restore.c: `nestctl restore` and `nestctl rollback`. */
#include <errno.h>
#include <getopt.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "tools/nestctl/core/command.h"
#include "tools/nestctl/core/json.h"
#include "tools/nestctl/core/instance.h"
#include "tools/nestctl/core/nestctl.h"
#include "tools/nestctl/run/host_user.h"
#include "tools/nestctl/run/run.h"
#include "tools/nestctl/service/service.h"
#include "tools/nestctl/state/state.h"

#define BACK_MS 600000
#define STEP_MS 1
#define ANSWER_MS 100

#define TRUST_HELP                                                                                 \
	"also from a state that another user or host has made, or that was altered: it runs as "   \
	"this user"

/* ---- restore ---- */

enum { KEY_NAME = 256, KEY_NET, KEY_TRUST, KEY_ATTACH, KEY_HOST_USER };

/* Records that the instance continues from the state, and unlocks the state. */
static void goes_on(struct start *st, void *tag)
{
	head_set(st->kernel, strchr(tag, '/') ? st->state->folder : tag);
	state_close(st->state);
}

static int restore(int argc, char **argv)
{
	const char *name = NULL, *wanted = NULL, *kernel;
	struct start st = { .pidfd = -1 };
	bool json = false, trust = false, attach = false;
	struct state s;
	struct run r;
	char *tag;

	for (int key; (key = next_option(&cmd_restore, argc, argv));)
		switch (key) {
		case KEY_NAME: name = optarg; break;
		case KEY_NET: start_add_net(&st.nets, optarg); break;
		case KEY_HOST_USER: st.host_user = optarg; break;
		case KEY_TRUST: trust = true; break;
		case KEY_ATTACH: attach = true; break;
		case 'k': wanted = optarg; break;
		default: json = true;
		}
	tag = take_words(&cmd_restore, argc, argv, 1, 1)[0];
	if (attach && json)
		die("restore: --attach and --json exclude each other");
	if (attach)
		open_standard_streams();
	s = state_open(tag);
	state_must_be_whole(&s);
	kernel = start_kernel_of(&s, wanted);
	state_must_be_trusted(&s, trust);
	if (name)
		start_check_name(name);
	st.state = &s;
	st.name = name ? name : start_free_name(s.umid);
	if (attach) {
		attach_prepare(&r, &s, kernel);
		st.attached = &r;
		start_begin(&st, kernel);
		return attach_run(&st, goes_on, tag);
	}
	start_begin(&st, kernel);
	if (!start_await(&st)) {
		start_undo(&st);
		die("%s", st.error);
	}
	goes_on(&st, tag);
	if (json) {
		json_open(NULL, '{');
		json_text("name", st.name);
		json_number("pid", st.kernel);
		json_text("state", tag);
		json_close('}');
	} else {
		puts(st.name);
	}
	return 0;
}

static const struct option_row restore_options[] = {
	{ KEY_NAME, "name", "NAME",
		"the instance's name; by default that of the saved one or, if it runs, another "
		"made of it" },
	{ KEY_NET, "net", "[ethN=]KIND", START_NET_HELP },
	{ KEY_HOST_USER, "host-user", "USER|UID[:GID]", HOST_USER_HELP },
	{ 'k', "kernel", "FILE",
		"the kernel, which must be of the build that saved the state; by default the file "
		"that did, or the one that run would take" },
	{ KEY_ATTACH, "attach", NULL,
		"as run does: the instance has this terminal or these standard streams, ends "
		"with this command, and its command's status is reported" },
	{ KEY_TRUST, "trust", NULL, TRUST_HELP },
	OPTION_JSON,
	{ 0 },
};

const struct command cmd_restore = {
	.name = "restore",
	.args = "TAG|PATH",
	.help = "Starts an instance that goes on from a state.",
	.text = "It runs in the background, and its name is printed when it does. The state stays "
		"as it is, so it can be started from many times, also while the first instance "
		"runs. Programs go on in the midst of what they did. Their terminal or channels "
		"are gone: reads wait, output is kept for nestctl console. What the guest writes "
		"to its disks goes to new layers without names, which are gone when the instance "
		"ends; save keeps them. A machine (run --init) restarts as "
		"with run, from its new layer, to which the content of the state's disk is copied "
		"at the start.\n\nWith --attach it runs in the foreground, as with "
		"run: this terminal or these standard streams are its command's, and so are "
		"signals.\n\nA port that nestctl run -p has forwarded can be "
		"forwarded once only: --net gives the second instance another. Beside a switch the "
		"ports are those of the last card: --net eth1=slirp,hostfwd=... replaces it.",
	.options = restore_options,
	.run = restore,
};

/* ---- rollback ---- */

static bool has_ended(int pidfd, int ms)
{
	return poll(&(struct pollfd){ .fd = pidfd, .events = POLLIN }, 1, ms) > 0;
}

/* Dies unless the state's disks have the backing files that the instance has open and keeps. */
static void check_disks(const struct state *s, const struct instance *in, struct umid_console *c)
{
	for (int i = 0; i < STATE_DISKS; i++) {
		const struct state_disk *d = &s->disks[i];
		const char *names[2] = { "", "" }, *device = format("ubd%d", i);
		char *args = d->layer.name ? device_query(c, device) : NULL;
		const char *base;

		if (!d->layer.name)
			continue;
		if (!args)
			die("%s: it has no %s, which %s has", in->name, device, s->name);
		device_names(args, names, 2);
		base = *names[1] == '/' || !*names[1] ?
			       names[1] :
			       format("/proc/%d/cwd/%s", (int)in->pid, names[1]);
		struct state_image now = { 0 }, then = { 0 };

		if (!*base != !d->backing)
			die("%s: its %s is not that of %s", in->name, device, s->name);
		if (d->backing &&
			(state_image_read(base, &now) || state_image_read(d->backing, &then) ||
				now.inode != then.inode || now.size != then.size ||
				now.mtime_ns != then.mtime_ns))
			die("%s: its %s is over %s, that of %s over %s", in->name, device, names[1],
				s->name, d->backing);
	}
}

static void check_build(const struct state *s, const struct instance *in)
{
	const char *build = build_id_of(format("/proc/%d/exe", (int)in->pid));

	if (!build || strcmp(build, s->build) != 0)
		die("%s: it was saved by build %s of the kernel, and %s runs build %s", s->name,
			s->build, in->name, build ? build : "(none)");
}

static long now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/*
 * Returns the process that survives a rollback of @kernel. A jailed kernel process is replaced by
 * another one, and only the launcher of both survives (os-linux/jail/again.c).
 */
static pid_t staying(pid_t kernel)
{
	char name[32] = "";
	pid_t parent = process_parent(kernel);
	FILE *f = parent ? fopen(format("/proc/%d/comm", (int)parent), "re") : NULL;

	if (f && !fgets(name, sizeof(name), f))
		name[0] = 0;
	if (f)
		fclose(f);
	return strcmp(name, "nestling-again\n") ? kernel : parent;
}

/*
 * Waits until the instance answers at another socket than that of @before. Dies if the instance
 * ends, or does not answer within BACK_MS.
 */
static void await(
	const struct instance *in, const struct umid_console *before, const char *tag, int pidfd)
{
	long end = now_ms() + BACK_MS;

	while (umid_is_same(before) || !instance_answers(in->name, 0, ANSWER_MS)) {
		if (has_ended(pidfd, STEP_MS))
			die("%s: it could not go on from %s, and has ended", in->name, tag);
		if (now_ms() >= end)
			die("%s: it does not answer", in->name);
	}
}

/*
 * Replaces a word of the command line with which the kernel executes itself again. Returns NULL, or
 * the reason why it does not take the word.
 */
static const char *place(struct umid_console *c, const char *word)
{
	size_t len;
	int err;
	char *text = umid_ask(c, format("state place %s", word), &err, &len);

	return text && !err ? NULL : text ?: "no answer";
}

/* Replaces the word for the layer in the folder of a kept instance, which had the name @old. */
static const char *place_layer(
	const struct instance *in, struct umid_console *c, const struct service *s, const char *old)
{
	const char *home = format("%.*s", (int)(strrchr(s->folder, '/') - s->folder), s->folder);
	const char *before = without_commas(format("%s/%s/layer", home, old));
	const char *now = without_commas(format("%s/layer", s->folder)), *why = NULL;
	size_t n = strlen(before);

	for (char **word = in->argv; *word && !why; word++) {
		const char *value = strchr(*word, '=');

		if (!strncmp(*word, "ubd", 3) && value && !strncmp(value + 1, before, n) &&
			(!value[n + 1] || value[n + 1] == ','))
			why = place(c, format("%.*s=%s%s", (int)(value - *word), *word, now,
					       value + n + 1));
	}
	return why;
}

/*
 * Sends the kernel the present name of the instance and path of its layer, which a rename may have
 * changed. Otherwise the kernel would use those in its command line again, or those that it got for
 * a rollback that failed.
 */
static void follow_name(const struct instance *in, struct umid_console *c)
{
	const char *old = in->name, *why = NULL;
	struct service s;
	bool kept = service_find(&s, in->name);

	for (char **word = in->argv; *word; word++)
		if (!strncmp(*word, "umid=", 5))
			old = *word + 5;
	if (kept) {
		why = place_layer(in, c, &s, old);
		service_close(&s);
	}
	if (!why && (kept || strcmp(old, in->name) != 0))
		why = place(c, format("umid=%s", in->name));
	if (why && strcmp(old, in->name) != 0)
		die("%s: was renamed while it ran, and its kernel does not take the new name: %s",
			in->name, why);
}

static int rollback(int argc, char **argv)
{
	struct umid_console c;
	struct instance in;
	struct state s;
	char **words, *text;
	size_t len;
	bool trust = false;
	int err, pidfd;

	while (next_option(&cmd_rollback, argc, argv))
		trust = true;
	words = take_words(&cmd_rollback, argc, argv, 2, 2);
	in = instance_find(words[0]);
	s = state_open(words[1]);
	state_must_be_whole(&s);
	check_build(&s, &in);
	state_must_be_trusted(&s, trust);
	pidfd = (int)syscall(SYS_pidfd_open, staying(in.pid), 0);
	if (pidfd < 0)
		die("%s: %s", in.name, strerror(errno));
	umid_connect(&c, in.folder);
	check_disks(&s, &in, &c);
	follow_name(&in, &c);
	c.wait_ms = BACK_MS;
	c.step_ms = STEP_MS;
	text = umid_ask(&c, format("state rollback %s", s.folder), &err, &len);
	if (!text && has_ended(pidfd, 0))
		die("%s: it could not go on from %s, and has ended", in.name, words[1]);
	if (text && err)
		die("%s: %s", in.name, text);
	if (!text || strcmp(text, "put back") != 0)
		await(&in, &c, words[1], pidfd);
	free(text);
	close(c.fd);
	head_set(instance_find(in.name).pid, strchr(words[1], '/') ? s.folder : words[1]);
	state_close(&s);
	return 0;
}

static const struct option_row rollback_options[] = {
	{ KEY_TRUST, "trust", NULL, TRUST_HELP },
	{ 0 },
};

const struct command cmd_rollback = {
	.name = "rollback",
	.args = "UMID TAG",
	.help = "Puts a running instance back to a state.",
	.text = "What has happened in it since is lost: memory, and what it has written to its "
		"disks. It keeps its name, its terminal and its channels. The state must be over "
		"the same images. It need not have been saved "
		"from this very instance: one that was restored from it will do.\n\n\tnestctl save "
		"web before\n\tnestctl exec web -- apt-get -y upgrade\n\tnestctl rollback web "
		"before",
	.options = rollback_options,
	.run = rollback,
};
