# SPDX-License-Identifier: MIT
"""Tasks: the table, and a task's stack as gdb's own frames.

`task N` makes a task that does not run the one that `bt`, `up`, `info locals` and `print` look at, in a process and in a core, and
writes no register: an unwinder tells gdb that the caller of the frame where the thread has stopped is the frame in which the task
has called switch_stack(). That first frame, which has nothing to do with the task, is not shown. The view ends by itself when the
thread moves, with `task none`, and when another is chosen.
"""
import gdb
from gdb.FrameDecorator import FrameDecorator
from gdb.unwinder import Unwinder

from .base import at, list_entries, ptr, report, symbol, text, word
from .base import KSTACK_BASE, KSTACK_WINDOW

STATES = {0: "R", 1: "S", 2: "D", 4: "T", 8: "t", 16: "X", 34: "K", 66: "I"}
SAVED = ("r15", "r14", "r13", "r12", "rbx", "rbp", "rip")  # what switch_stack() leaves at ksp
PF_KTHREAD = 0x00200000
HOST_STACK_MOST = 1 << 20  # how far below its start a vCPU's host stack is looked for
actions = {}  # word of `task N WORD` -> function(task, rest)


def action(name):
    def register(function):
        actions[name] = function
        return function

    return register


# ---- the tasks ----


def idle_tasks():
    for cpu in range(int(symbol("nr_cpus"))):
        idle = symbol("runqueues")[cpu]["idle"]
        if int(idle):
            yield idle.dereference()


def all_tasks():
    """Iterates over threads of all processes, and kernel threads; not over the idle tasks."""
    for leader in list_entries(symbol("all_processes"), "struct task", "tasks"):
        if int(leader["signal"]):
            yield from list_entries(leader["signal"]["threads"], "struct task", "thread_node")


def find(number):
    for t in all_tasks():
        if int(t["pid"]) == number:
            return t
    raise gdb.GdbError("no task %d; `nest ps` lists them" % number)


def parse(word_):
    """Returns the task of a number, or of an expression that is a struct task or a pointer to one."""
    if word_.isdigit():
        return find(int(word_))
    try:
        value = gdb.parse_and_eval(word_)
    except gdb.error as e:
        raise gdb.GdbError("%s: no number and no expression of a task: %s" % (word_, e))
    return value.dereference() if value.type.strip_typedefs().code == gdb.TYPE_CODE_PTR else value


def current():
    """Returns the task on whose kernel stack the thread is: the chosen task, else by the head of the stack. None for a host thread."""
    thread = gdb.selected_thread()
    if not thread:
        return None
    if view.active():
        return view.task
    # also used in conditions of breakpoints, where no other thread may be selected
    return kstack_task(registers_quick()[0]) or task_of_thread(thread)


def kstack_task(sp):
    """Returns the task whose kernel stack has an address, or None."""
    size = stack_size()
    idle0 = symbol("init_task_storage")
    boot = int(idle0["arch"]["kstack"])
    if not (KSTACK_BASE <= sp < KSTACK_BASE + KSTACK_WINDOW or boot <= sp < boot + 2 * size):
        return None
    head = (sp & ~(2 * size - 1)) + size
    task = word(head)
    return at("struct task", task) if task else None


def stack_size():
    """Returns KSTACK_SIZE, which is larger in debug builds, whose structs have more fields."""
    return 0x10000 if any(f.name == "held" for f in gdb.lookup_type("struct task").fields()) else 0x4000


def registers(thread):
    """Returns (sp, pc) of a thread and keeps the user's selection."""
    before = gdb.selected_thread()
    frame = gdb.selected_frame() if before else None
    thread.switch()
    newest = gdb.newest_frame()
    sp, pc = int(newest.read_register("rsp")) & (2**64 - 1), int(newest.pc())
    if before:
        before.switch()
        frame.select()
    return sp, pc


def vcpu_threads():
    """Returns a map from each vCPU to its host thread, whose stack pointer is on the running task's stack or on its host stack."""
    found, threads = {}, [(t, registers(t)[0]) for t in gdb.selected_inferior().threads()]
    for cpu in range(int(symbol("nr_cpus"))):
        task = symbol("runqueues")[cpu]["curr"]
        if not int(task):
            continue
        base, size = int(task["arch"]["kstack"]), stack_size()
        host_sp = word(base + size + 8)
        near = [(0 if base + size <= sp < base + 2 * size else host_sp - sp, thread.num, thread) for thread, sp in threads]
        near = [n for n in near if 0 <= n[0] < HOST_STACK_MOST]
        if near:
            found[cpu] = min(near)[2]
    return found


def task_of_thread(thread):
    if not thread:
        return None
    task = kstack_task(registers(thread)[0])
    if task is not None:
        return task
    for cpu, t in vcpu_threads().items():
        if t.num == thread.num:
            return symbol("runqueues")[cpu]["curr"].dereference()
    return None


def doing(t):
    """Returns the name of the system call that the task is in ("call N" if it has none), else
    "kernel" for a kernel thread and "user" for another task."""
    nr = int(t["syscall_nr"])
    if nr == 2**64 - 1 or nr < 0:
        return "kernel" if int(t["flags"]) & PF_KTHREAD else "user"
    table = symbol("syscall_table")
    if nr <= table.type.range()[1] and int(table[nr]["name"]):
        return text(table[nr]["name"])
    return "call %d" % nr


def row(t):
    state = int(t["state"])
    exit_state = int(t["exit_state"])
    name = text(t["comm"])
    wchan = text(t["wchan"]) if int(t["wchan"]) and not t["on_cpu"] else ""
    parent = int(t["real_parent"]["tgid"]) if int(t["real_parent"]) else 0
    return "%6d %6d %6d %s %3d%s %8.2f %-15s %-16s %s" % (
        int(t["pid"]), int(t["tgid"]), parent, "Z" if exit_state else STATES.get(state, "?"), int(t["cpu"]),
        "*" if t["on_cpu"] else " ", (int(t["utime"]) + int(t["stime"])) / 1e9, doing(t),
        "[%s]" % name if int(t["flags"]) & PF_KTHREAD else name, wchan)


HEADING = "%6s %6s %6s S CPU  %8s %-15s %-16s %s" % ("PID", "TGID", "PPID", "TIME", "IN", "NAME", "WAITS FOR")


# ---- the view of a stack ----


class FrameId:
    def __init__(self, sp, pc):
        self.sp, self.pc = sp, pc


class View:
    """The task whose stack is shown in place of the callers of a thread's newest frame."""

    def __init__(self):
        self.task = self.thread = None
        self.live = self.saved = None

    def choose(self, t):
        self.clear()
        thread = gdb.selected_thread()
        if not thread:
            raise gdb.GdbError("no process and no core")
        if t["on_cpu"]:
            on = vcpu_threads().get(int(t["cpu"]))
            if not on:
                raise gdb.GdbError("it runs on vCPU %d, whose thread was not found" % int(t["cpu"]))
            on.switch()
            gdb.newest_frame().select()
            return
        ksp = int(t["arch"]["ksp"])
        if not ksp:
            raise gdb.GdbError("it has never run")
        saved = {name: word(ksp + 8 * i) for i, name in enumerate(SAVED)}
        saved["rsp"] = ksp + 8 * len(SAVED)
        self.show(saved, t)

    def show(self, saved, t):
        """Shows frames from these registers on; t may be None."""
        self.thread = gdb.selected_thread()
        self.live = registers(self.thread)
        self.saved, self.task = saved, t if t is not None else symbol("init_task_storage")
        gdb.invalidate_cached_frames()
        older = gdb.newest_frame().older()
        if older:
            older.select()

    def clear(self):
        if self.task is not None:
            self.task = self.thread = None
            gdb.invalidate_cached_frames()

    def active(self):
        thread = gdb.selected_thread()
        return self.task is not None and thread is not None and thread.num == self.thread.num and registers_quick() == self.live


def registers_quick():
    frame = gdb.newest_frame()
    return int(frame.read_register("rsp")) & (2**64 - 1), int(frame.pc())


view = View()


class TaskUnwinder(Unwinder):
    def __init__(self):
        super().__init__("nestling-task")

    def __call__(self, pending):
        if view.task is None:
            return None
        sp, pc = pending.read_register("rsp"), pending.read_register("rip")
        if (int(sp) & (2**64 - 1), int(pc)) != view.live or gdb.selected_thread().num != view.thread.num:
            return None
        u64 = gdb.lookup_type("unsigned long")
        # below all stacks, so that gdb does not take the next frames for damaged
        info = pending.create_unwind_info(FrameId(gdb.Value(0x1000).cast(u64.pointer()), pc))
        for name, value in view.saved.items():
            like = pending.read_register(name).type
            info.add_saved_register(name, gdb.Value(value).cast(u64).cast(like))
        return info


class Door(FrameDecorator):
    """Unwinds a door to the host world (mk/door.h), which gdb treats as a change of stacks, as for signal handlers."""

    def function(self):
        name = self.inferior_frame().name() or gdb.execute("info symbol %d" % self.inferior_frame().pc(), to_string=True).split()[0]
        return name if name.startswith("door_") else super().function()


class Frames:
    """A frame filter: names doors; shows only a selected task's own frames."""

    def __init__(self):
        self.name, self.priority, self.enabled = "nestling", 100, True

    def filter(self, frames):
        hide = view.task is not None and view.active()
        for i, frame in enumerate(frames):
            if i == 0 and hide and frame.inferior_frame().level() == 0:
                continue
            yield Door(frame) if frame.inferior_frame().type() == gdb.SIGTRAMP_FRAME else frame


def register(objfile):
    gdb.unwinder.register_unwinder(objfile, TaskUnwinder(), replace=True)
    frames = Frames()
    (objfile.frame_filters if objfile else gdb.frame_filters)[frames.name] = frames


# ---- commands ----


class looking_at:
    """with looking_at(task): gdb's commands see its stack; afterwards the user's selection is restored."""

    def __init__(self, t):
        self.t = t

    def __enter__(self):
        self.before, self.thread = view.task if view.task is not None and view.active() else None, gdb.selected_thread()
        self.level = gdb.selected_frame().level() if self.thread else 0
        view.choose(self.t)

    def __exit__(self, *exc):
        view.clear()
        if self.thread:
            self.thread.switch()
        if self.before is not None:
            view.choose(self.before)
        try:
            gdb.execute("frame %d" % self.level, to_string=True)
        except gdb.error:
            pass


class Nest(gdb.Command):
    """Nestling's kernel: its tasks and their objects. See also `help task`."""

    def __init__(self):
        super().__init__("nest", gdb.COMMAND_DATA, prefix=True)


class Ps(gdb.Command):
    """All tasks of the guest: number, process, parent, state, vCPU (*: runs now), CPU seconds, system call, name."""

    def __init__(self):
        super().__init__("nest ps", gdb.COMMAND_DATA)

    @report
    def invoke(self, arg, tty):
        print(HEADING)
        for t in all_tasks():
            print(row(t))


class Task(gdb.Command):
    """task                     shows the selected task
task N                   selects a task: bt, up, info locals show its stack; N may be an expression
task N WORD [ARG]        shows of a task: bt, files, vmas, mounts, locks, regs, ubt, core FILE
task N apply COMMAND     any command of gdb with that task's stack; `task all apply bt` with each
task none                back to the thread's own stack"""

    def __init__(self):
        super().__init__("task", gdb.COMMAND_STACK)

    @report
    def invoke(self, arg, tty):
        which, _, rest = arg.strip().partition(" ")
        verb, _, more = rest.strip().partition(" ")
        if not which:
            t = current()
            print(HEADING + "\n" + row(t) if t is not None else "the thread is no vCPU; no task is chosen")
        elif which == "none":
            view.clear()
        elif which == "all" or (which == "apply" and verb == "all"):
            if which == "apply":
                verb, more = "apply", more
            for t in all_tasks():
                print("\n" + row(t))
                try:
                    self.one(t, verb, more.strip())
                except gdb.error as e:
                    print("  %s" % e)
        else:
            self.one(parse(which), verb, more.strip())

    def one(self, t, verb, more):
        if not verb:
            view.choose(t)
            print(row(t))
            gdb.execute("frame")
        elif verb == "apply":
            with looking_at(t):
                gdb.execute(more)
        elif verb in actions:
            actions[verb](t, more)
        else:
            raise gdb.GdbError("task %d %s? %s, or apply COMMAND" % (int(t["pid"]), verb, ", ".join(sorted(actions))))


@action("bt")
def back_trace(t, rest):
    with looking_at(t):
        gdb.execute("bt " + rest)


class FindTask(gdb.Function):
    """$task(N): the struct task * of a number."""

    def __init__(self):
        super().__init__("task")

    def invoke(self, number):
        return find(int(number)).address


class Current(gdb.Function):
    """$current(): the struct task * that runs on this thread, or that is selected; for conditions of breakpoints."""

    def __init__(self):
        super().__init__("current")

    def invoke(self):
        t = current()
        return t.address if t is not None else gdb.Value(0).cast(ptr("struct task"))


for each in (Nest, Ps, Task, FindTask, Current):
    each()
