/* SPDX-License-Identifier: MIT */
/*
 * mconsole.c: the management console, front end: requests of `uml_mconsole UMID COMMAND` in User
 * Mode Linux's protocol, version 2.
 *
 *      umid=NAME               the instance's name (default: six random letters)
 *      uml_dir=PATH            the folder of names (~/.uml, else uml in $XDG_RUNTIME_DIR)
 *      mconsole=off            no console
 *      mconsole=notify:SOCKET  notify.c
 *
 * A request is one packet, a reply one or more: those before the last have `more` set. A text ends
 * with a zero byte, which len includes. Only a request "state" may be longer than in UML's
 * protocol, up to MCONSOLE_STATE, since it has a path. One kernel thread executes one request
 * after another. Only the user who runs the instance and root may send requests (mconsole_host.c);
 * the content of a packet is not trusted.
 *
 * A restored instance gets the name of its parameters, or the name that it had; if that was random
 * and is in use, it gets another random name. Requests to the process that was saved are not
 * answered. Locks: none; the list of devices is written at boot.
 */
#include <asm/errno.h>

#include "arch/um/machine/arch.h"
#include "drivers/mconsole/internal.h"
#include "kernel/lib/atomic.h"
#include "kernel/lib/printk.h"
#include "kernel/lib/string.h"
#include "kernel/sched/lock.h"
#include "kernel/sched/sched.h"
#include "kernel/state/state.h"
#include "os-linux/os.h"

#define MAGIC 0xcafebabe
#define VERSION 2
#define REPLY_STEP 2000000UL /* ns */
/*
 * Number of attempts to send to a client that does not read. Not a time, since the client may be
 * stopped together with this kernel.
 */
#define REPLY_STEPS 1000

struct request {
	u32 magic, version, len;
	char data[MCONSOLE_STATE];
};
struct reply {
	s32 err;
	u32 more, len;
	char data[MCONSOLE_DATA];
};
BUILD_BUG_ON(sizeof(struct request) != 12 + MCONSOLE_STATE);
BUILD_BUG_ON(sizeof(struct request) > MCONSOLE_PACKET_MAX);
BUILD_BUG_ON(sizeof(struct reply) != 12 + MCONSOLE_DATA);

static struct mconsole_open where;
static bool off, named, dir_given;
static bool serves;     /* the thread is running */
static bool serves_one; /* the thread executes a request */
static u32 asked;       /* the interrupt was raised */
static struct wait_queue_head wait;

/* ---- the command line ---- */

static bool is_name(const char *s)
{
	bool good = *s && strlen(s) < sizeof(where.umid) &&
		    (*s != '.' || !strncmp(s, MCONSOLE_WAITS, strlen(MCONSOLE_WAITS)));

	for (const char *p = s; *p; p++)
		good = good && *p != '/' && (u8)*p > ' ' && (u8)*p < 127;
	return good;
}

static int set_umid(const char *s)
{
	if (!is_name(s) || strscpy(where.umid, s, sizeof(where.umid)) < 0)
		refuse("umid=%s: expected a name of at most %d letters, without / and a dot in "
		       "front",
			s, MCONSOLE_UMID_MAX - 1);
	named = true;
	return 0;
}
PARAM("umid=", set_umid, "NAME: the instance's, for uml_mconsole (made up)");

int mconsole_rename(const char *umid, const struct mconsole_packet *p)
{
	int err = is_name(umid) ? mconsole_host_rename(umid, p) : -EINVAL;

	if (!err)
		strscpy(where.umid, umid, sizeof(where.umid));
	return err;
}

static int set_uml_dir(const char *s)
{
	if (*s != '/' || strscpy(where.dir, s, sizeof(where.dir)) < 0)
		refuse("uml_dir=%s: expected a path that begins with /", s);
	dir_given = true;
	return 0;
}
PARAM("uml_dir=", set_uml_dir, "PATH: where the names of instances are (~/.uml)");

static int set_mconsole(const char *s)
{
	if (!strncmp(s, "notify:", 7)) {
		if (!mconsole_notify_set(s + 7))
			refuse("mconsole=%s: expected notify: and the path of a socket", s);
		return 0;
	}
	if (strcmp(s, "off") && strcmp(s, "on"))
		refuse("mconsole=%s: not on, off or notify:SOCKET", s);
	off = !strcmp(s, "off");
	return 0;
}
PARAM("mconsole=", set_mconsole,
	"on or off: the management console (on); notify:SOCKET: gets its address, and panics");

/* ---- replies ---- */

static void send_packet(struct mconsole_call *c, const void *data, size_t len)
{
	int err;

	for (int i = 0; !c->lost; i++) {
		err = mconsole_host_reply(c->from, data, len);
		if (err != -EAGAIN) {
			c->lost = err;
			return;
		}
		set_current_state(TASK_IDLE);
		schedule_deadline(ktime_get() + REPLY_STEP);
		c->lost = i >= REPLY_STEPS;
	}
}

static void send_reply(struct mconsole_call *c, int err, bool more)
{
	struct reply r = { .err = err, .more = more, .len = c->len + 1 };

	memcpy(r.data, c->text, c->len);
	r.data[c->len] = 0;
	c->len = 0;
	send_packet(c, &r, offsetof(struct reply, data) + r.len);
}

void mconsole_write(struct mconsole_call *c, const char *text, size_t len)
{
	while (len) {
		size_t n = min(len, (size_t)(MCONSOLE_DATA - 1 - c->len));

		memcpy(c->text + c->len, text, n);
		c->len += (u32)n;
		text += n;
		len -= n;
		if (len)
			send_reply(c, 0, true);
	}
}

void mconsole_print(struct mconsole_call *c, const char *fmt, ...)
{
	char line[400];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	mconsole_write(c, line, strlen(line));
}

void mconsole_end(struct mconsole_call *c, int err)
{
	if (c->ended)
		return;
	c->ended = true;
	send_reply(c, err, false);
}

void mconsole_take(
	struct mconsole_call *mine, struct mconsole_packet *from, struct mconsole_call *c)
{
	*from = *c->from;
	from->nr_fds = 0;
	*mine = (struct mconsole_call){ .from = from };
	c->ended = true;
}

void mconsole_fail(struct mconsole_call *c, int err, const char *fmt, ...)
{
	va_list ap;

	if (c->ended)
		return;
	va_start(ap, fmt);
	vsnprintf(c->text, sizeof(c->text), fmt, ap);
	va_end(ap);
	c->len = (u32)strlen(c->text);
	mconsole_end(c, err);
}

/* ---- requests ---- */

/* Replies with a text to a request whose protocol is older than version 1 or unknown. */
static void refuse_old(struct mconsole_call *c)
{
	static const char text[] =
		"ERR Version 0 mconsole clients are not supported by this driver";

	send_packet(c, text, sizeof(text) - 1);
}

/* Copies a packet to a request, whose rest becomes zeros. */
static void take_request(struct request *req, const struct mconsole_packet *p)
{
	size_t n = min((size_t)p->len, sizeof(*req));

	memcpy(req, p->data, n);
	memset((u8 *)req + n, 0, sizeof(*req) - n);
}

/* True if the text is short enough for its command: only a path of a state may be long. */
static bool fits(const struct request *req)
{
	return req->len < MCONSOLE_DATA ||
	       (req->len < MCONSOLE_STATE && !strncmp(req->data, "state ", 6));
}

static void serve(struct mconsole_packet *p)
{
	/* owned by the thread */
	static struct mconsole_call call;
	static struct request req;

	call = (struct mconsole_call){ .from = p };
	take_request(&req, p);
	if (p->len < offsetof(struct request, data) || req.magic != MAGIC) {
		refuse_old(&call);
		return;
	}
	if (req.version != VERSION) {
		mconsole_fail(&call, 1, "This driver only supports version %d clients", VERSION);
		return;
	}
	if (!fits(&req) || req.len > p->len - offsetof(struct request, data)) {
		mconsole_fail(&call, 1, "Request too large");
		return;
	}
	req.data[req.len] = 0;
	mconsole_command(&call, req.data);
	mconsole_end(&call, 0);
}

/* ---- while the machine is stopped ---- */

/* Replies without waiting for a client that does not read. */
static void reply_stopped(const struct mconsole_packet *p, int err, const char *text)
{
	/* used only by the thread that has stopped the machine */
	static struct reply r;

	r = (struct reply){ .err = err, .len = (u32)strlen(text) + 1 };
	memcpy(r.data, text, r.len);
	mconsole_host_reply(p, &r, offsetof(struct reply, data) + r.len);
}

#define GO_AS "state go "

/* Gives the instance the name behind "state go". Returns false after a reply with the reason. */
static bool take_name(const struct mconsole_packet *p, const char *name)
{
	char word[sizeof("umid=") + sizeof(where.umid)];
	int err = mconsole_rename(name, p);

	snprintf(word, sizeof(word), "umid=%s", name);
	err = err ?: os_place(word);
	if (err)
		reply_stopped(p, err, arch_strerror(err));
	return !err;
}

/*
 * Returns what a request asks for that came while the machine is stopped. Has replied if that is
 * MCONSOLE_NONE.
 */
static enum mconsole_order order_of(const struct mconsole_packet *p, const char *why, bool may_end)
{
	static struct request req;

	take_request(&req, p);
	if (p->len >= offsetof(struct request, data) && req.magic == MAGIC &&
		req.version == VERSION && req.len < MCONSOLE_DATA) {
		req.data[req.len] = 0;
		if (!strncmp(req.data, GO_AS, strlen(GO_AS)))
			return take_name(p, req.data + strlen(GO_AS)) ? MCONSOLE_GO : MCONSOLE_NONE;
		if (!strcmp(req.data, "state go"))
			return MCONSOLE_GO;
		if (may_end && !strcmp(req.data, "state end"))
			return MCONSOLE_END;
	}
	reply_stopped(p, -EBUSY, why);
	return MCONSOLE_NONE;
}

enum mconsole_order mconsole_serve_stopped(const char *why, bool may_end)
{
	static struct mconsole_packet packet;

	while (mconsole_host_recv(&packet)) {
		enum mconsole_order order = order_of(&packet, why, may_end);

		if (order != MCONSOLE_NONE)
			reply_stopped(&packet, 0, "");
		mconsole_host_done(&packet);
		if (order != MCONSOLE_NONE)
			return order;
	}
	return MCONSOLE_NONE;
}

static int __noreturn mconsole_thread(void *unused)
{
	static struct mconsole_packet packet;

	for (;;) {
		wait_event_idle(&wait, xchg(&asked, 0));
		while (mconsole_host_recv(&packet)) {
			serves_one = true;
			serve(&packet);
			serves_one = false;
			mconsole_host_done(&packet);
		}
	}
}

static void mconsole_irq(void *unused)
{
	xchg(&asked, 1);
	wake_up(&wait);
}

static int mconsole_init(void)
{
	if (off)
		return 0;
	init_waitqueue_head(&wait);
	where.irq = irq_register("mconsole", mconsole_irq, NULL);
	if (where.irq < 0)
		return where.irq;
	if (mconsole_host_open(&where)) {
		if (named)
			refuse("umid=%s: %s", where.umid, where.err);
		pr_notice("mconsole: none: %s\n", where.err);
		return 0;
	}
	if (!kthread_run(mconsole_thread, NULL, "mconsole"))
		return -ENOMEM;
	serves = true;
	mconsole_notify_start(where.path);
	pr_info("mconsole (version %d) initialized on %s\n", VERSION, where.path);
	return 0;
}
INITCALL(5, mconsole_init);

/* ---- save and restore ---- */

static int open_again(void)
{
	int err = mconsole_host_open(&where);

	if (err != -EEXIST || named)
		return err;
	where.umid[0] = 0;
	return mconsole_host_open(&where);
}

static int rebuild(const char *dir, struct state_why *why)
{
	int err;

	if (!serves || off)
		return 0;
	if (!dir_given)
		where.dir[0] = 0;
	err = open_again();
	if (err && named) {
		scnprintf(why->text, sizeof(why->text), "umid=%s: %s", where.umid, where.err);
		return err;
	}
	if (err)
		pr_notice("mconsole: none: %s\n", where.err);
	else
		mconsole_notify_again(where.path);
	return 0;
}

/* True if no request is under way, which a rollback in place would answer twice. */
static bool note(void)
{
	return !serves_one;
}

static int wait_for_go(struct state_why *why)
{
	if (!serves || off) {
		strscpy(why->text, "there is no management console", sizeof(why->text));
		return -ENOTCONN;
	}
	for (;;) {
		enum mconsole_order order = mconsole_serve_stopped(
			"it waits for nestctl clone, which lets it run", true);

		if (order == MCONSOLE_END)
			arch_power_off(0);
		if (order == MCONSOLE_GO)
			return 0;
		mconsole_host_wait();
	}
}

STATE_PART(mconsole_state) = {
	.name = "mconsole",
	.note = note,
	.rebuild = rebuild,
	.wait = wait_for_go,
};
