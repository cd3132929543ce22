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
}

/** Field 2, the name, may hold blanks and parentheses: the fields after it follow the last ')'. */
export function parseStat(text: string): ProcessStat | undefined {
  const fields = text
    .slice(text.lastIndexOf(")") + 2)
    .trim()
    .split(" ");
  const [state, , processGroup, session, terminal, foregroundGroup] = fields;
  const startTime = fields[22 - 3];
  if (state === undefined || startTime === undefined) return undefined;
  return {
    state,
    processGroup: Number(processGroup),
    session: Number(session),
    terminal: Number(terminal),
    foregroundGroup: Number(foregroundGroup),
    startTime,
  };
}
