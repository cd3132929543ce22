import { availableParallelism, cpus, loadavg, release } from "node:os";

/** What figures came from. */
export interface Machine {
  readonly model: string;
  readonly cores: number;
  /** Of the minute before; what the bench itself does counts, too. */
  readonly load: number;
  readonly kernel: string;
  readonly node: string;
}

export function thisMachine(): Machine {
  return {
    model: cpus()[0]?.model.trim() ?? "unknown CPU",
    cores: availableParallelism(),
    load: loadavg()[0] ?? 0,
    // What a distribution adds to it says nothing to others.
    kernel: /^[\d.]+/.exec(release())?.[0] ?? release(),
    node: process.version,
  };
}

export function machineLine({ model, cores, load, kernel, node }: Machine): string {
  return `${model}, ${cores} cores, load ${load.toFixed(1)}, Linux ${kernel}, Node ${node}`;
}
