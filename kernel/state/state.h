/* SPDX-License-Identifier: MIT */
/*
 * state.h: saves the running instance to files, and continues from them in another host process.
 *
 * All state of a guest is in the arena and in physmem. State of this host process (skas,
 * descriptors, threads, sockets) is not saved; the part that owns it makes it again in the new
 * process. The steps of a save:
 *
 *	state_save(dir)   on a kernel thread of vCPU 0
 *	  prepare()         of every part
 *	  the machine stops: every other vCPU waits at a boundary, outside of all spinlocks
 *	  quiet()           of every part, until no request is in progress on the host
 *	  describe()        of every part
 *	  memory is written to DIR/memory
 *	  (state_save_held() only: the machine stays stopped here until hold() returns)
 *	  undescribe()      of every part
 *	  the machine runs again
 *	  finish()          of every part: the files are complete, but not yet on the disk
 *
 * and of a restore (nestling restore=DIR ...), in a new process with the same kernel:
 *
 *	memory is mapped as it was; only the thread of state_save() continues, on vCPU 0
 *	  address spaces, clocks and interrupts are set up
 *	  parameters that a restore may change are read again (umid=, con*, ssl*, ubd*, eth* and
 *	  others: os-linux/state/restore.c)
 *	  rebuild()         of every part, in the order of the linker
 *	  wait()            of the management console, with hold=console only
 *	  the machine runs again
 *	  resumed()         of every part, when guest code may run again
 *	  connected()       of every part
 *
 * A restore with fresh=FD uses the state as a template (docs/state.md): the instance looks freshly
 * booted. Its clocks count from the template's boot, without the time since the save.
 *
 * The guest's state names host objects by numbers (os_object_add() in os-linux/host.h). rebuild()
 * makes the objects again under their old numbers.
 */
#ifndef NESTLING_STATE_H
#define NESTLING_STATE_H

#include "kernel/lib/types.h"

/* A line with the reason why a part cannot be saved or rebuilt, without a full stop. */
struct state_why {
	char text[400];
};

struct state_part {
	const char *name;
	/*
	 * Prepares for describe(), for example by copying data that do not change to the folder
	 * @dir, a path of the host. The machine runs; may sleep. Called again if a save restarts.
	 * Returns 0, or -errno with @why set: the save fails, and finish() follows.
	 */
	int (*prepare)(const char *dir, struct state_why *why);
	/*
	 * True if no request of this part is in progress on the host. The machine is stopped: no
	 * spinlock is held anywhere, and the handlers of interrupt lines run between two calls.
	 * quiet() is called repeatedly for some seconds, then the save fails. NULL: always quiet.
	 */
	bool (*quiet)(void);
	/*
	 * Copies state that only the host half has into the guest's memory, or into files of the
	 * folder @dir. The machine is stopped: the function may not allocate, and may sleep only in
	 * doors (calls of the host world). Returns 0, or -errno with @why set: then the save fails
	 * and the instance runs on. After -EAGAIN the save restarts with prepare(). NULL: nothing
	 * to do, as for all members below.
	 */
	int (*describe)(const char *dir, struct state_why *why);
	/*
	 * Undoes the changes of describe() to this instance, before the machine runs again. @saved
	 * is true if the memory was saved; if it is false, describe() may not have been called.
	 */
	void (*undescribe)(bool saved);
	/*
	 * Completes the files of the state when the machine runs again or, if not @saved, removes
	 * what prepare() has made. May sleep, but not if @stopped: then the machine is still
	 * stopped, and hold() follows. Called once in a save. Returns 0, or -errno with @why set:
	 * the save has failed.
	 */
	int (*finish)(bool saved, bool stopped, struct state_why *why);
	/*
	 * mark() is called when the stopped machine is about to be marked (state_mark()).
	 * put_back() undoes later changes on the host; it is called in a stop, before the machine's
	 * memory is put back. Both return 0, or -errno with @why set. unmark() ends the mark, in a
	 * stop and with the host as at the mark: later changes stay. It is also called after a
	 * failure: then mark() may have failed, or may not have been called.
	 */
	int (*mark)(struct state_why *why);
	int (*put_back)(struct state_why *why);
	void (*unmark)(void);
	/*
	 * These three serve a rollback in place. note() is called, in a stop, after rebuild() in a
	 * process that continues from a state, and after describe() in a process that is saved. It
	 * returns true if the part can go back to its condition at that time. go_back() is called
	 * instead of put_back(), in a stop: it restores the host as of note(). It returns 0, or
	 * -errno with @why set: then exec makes the rollback. A NULL note() counts as true; instead
	 * of a NULL go_back(), put_back() is called.
	 *
	 * If note() was called in a save, the guest's memory is then as of describe(): returned()
	 * and undescribe(true) follow in this stop. In both cases resumed() and connected() follow.
	 */
	bool (*note)(void);
	int (*go_back)(const char *dir, struct state_why *why);
	void (*returned)(void);
	/*
	 * Makes the host objects again in the new process. The machine is stopped, as for
	 * describe(). Returns 0, or -errno with @why set: the process ends with that line and
	 * status 1.
	 */
	int (*rebuild)(const char *dir, struct state_why *why);
	/*
	 * With hold=console: waits until a client lets the instance run. Called after rebuild() of
	 * all parts, with the machine stopped. Returns 0, or -errno with @why set, as rebuild().
	 * Only one part has this function.
	 */
	int (*wait)(struct state_why *why);
	/*
	 * Called when the machine runs again, in the new process. Runs on a kernel thread, may
	 * sleep.
	 */
	void (*resumed)(void);
	/*
	 * Called after resumed() of every part: all devices work, and from now on programs may get
	 * input from outside.
	 */
	void (*connected)(void);
};

/* STATE_PART(ubd_state) = { .name = "ubd", ... }; collected by a linker section. */
#define STATE_PART(var)                                                                            \
	static const struct state_part var __used                                                  \
		__attribute__((section("state_parts"), aligned(8)))

/*
 * Saves the instance to the folder @dir, which exists and is empty. Sleeps until it is done.
 * Returns 0 with *@stopped set to the ns for which the machine was stopped, or -errno with @why,
 * -EBUSY during another save. In each process that continues from the state it returns 1, after
 * connected() of every part. All paths are paths of the host, and borrowed. The caller is any task
 * that may sleep.
 */
int state_save(const char *dir, u64 *stopped, struct state_why *why);

/*
 * Saves as state_save() does, but keeps the machine stopped until @hold returns. @hold is called
 * once memory is written and finish() of every part has returned, in this process only, and not if
 * the save fails. It may call only doors. @so_far: ns for which the machine has been stopped.
 */
int state_save_held(const char *dir, void (*hold)(u64 so_far), u64 *stopped, struct state_why *why);

/*
 * Going back in place, in a time that depends on the pages written since the mark. Host objects
 * stay, so data that was sent to the host meanwhile is not undone, except on disks. Both functions
 * are called by a kernel thread that is bound to the first vCPU, and may sleep.
 */
struct mm;
/*
 * Marks the machine. Returns 0; 1 each time that the machine was put back, with the machine
 * running; or -errno with @why. If @is_last(), which may call only doors, returns true after a
 * put-back, the mark ends: later changes on the host stay.
 */
int state_mark(bool (*is_last)(void), struct state_why *why);
/*
 * Restores the marked state. Returns only -errno with @why. For @quiet see
 * machine_put_back_begin().
 */
int state_put_back(const struct mm *quiet, struct state_why *why);

/*
 * Makes this process the instance that was saved in @dir. If the process was last saved as, or put
 * back to, this state, the machine goes back in place if it can, as with state_put_back().
 * Otherwise the kernel executes itself again, with the same pid, descriptors and parameters, and
 * restore=@dir. Called by a kernel thread, may sleep. Calls @begins before each attempt. Returns
 * only -errno with @why set, before the first attempt: @dir holds no state that can be read.
 */
int state_rollback(const char *dir, void (*begins)(void *arg, bool in_place), void *arg,
	struct state_why *why);
/* Called when host objects were added or removed: a rollback in place is no longer possible. */
void state_changed(void);

#endif
