/** What netkit reads in /proc/pid/stat (proc(5)). */
export interface ProcessStat {
  /** R, S, D, T, t, Z, X, I. */
  readonly state: string;
  readonly processGroup: number;
  /** The pid of the session's leader. */
  readonly session: number;
  /** Device number of the controlling terminal; 0: none. */
  readonly terminal: number;
  /** The terminal's foreground process group; -1: no terminal. */
  readonly foregroundGroup: number;
  /** Clock ticks since boot; a string, for it outgrows nothing but is only ever compared. */
  readonly startTime: string;
  /** It is on its way out, or is once it runs again: nothing keeps it any more. */
  readonly isEnding: boolean;
}

/** PF_EXITING in the task's flags (include/linux/sched.h). */
const exiting = 0x4;
/** SIGKILL in a mask of signals: each thread of a process that ends as a whole gets one. */
const killed = 1 << (9 - 1);

/** Field 2, the name, may hold blanks and parentheses: the fields after it follow the last ')'. */
export function parseStat(text: string): ProcessStat | undefined {
  const fields = text
    .slice(text.lastIndexOf(")") + 2)
    .trim()
    .split(" ");
  const [state, , processGroup, session, terminal, foregroundGroup] = fields;
  const [flags, startTime, pending] = [fields[9 - 3], fields[22 - 3], fields[31 - 3]];
  if (state === undefined || startTime === undefined) return undefined;
  return {
    state,
    processGroup: Number(processGroup),
    session: Number(session),
    terminal: Number(terminal),
    foregroundGroup: Number(foregroundGroup),
    startTime,
    isEnding: (Number(flags) & exiting) !== 0 || (Number(pending ?? 0) & killed) !== 0,
  };
}
