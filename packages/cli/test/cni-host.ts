import { afterEach } from "vitest";
import { CniRuntime, type CniOutcome, type CniRequest, type Given } from "./cni-runtime.ts";
import { onHosts, type Host } from "./host.ts";

/** What a test of the plugins has: a host of its own, and once they are installed a runtime that calls them there. */
export class CniHost {
  #machine: Host | undefined;
  #runtime: CniRuntime | undefined;

  get machine(): Host {
    return got(this.#machine);
  }

  set machine(machine: Host) {
    this.#machine = machine;
    this.#runtime = undefined;
  }

  get runtime(): CniRuntime {
    return got(this.#runtime);
  }

  set runtime(runtime: CniRuntime) {
    this.#runtime = runtime;
  }

  /** For a network `my-net`, which is made with these options. */
  install(...given: Given): void {
    this.runtime = CniRuntime.onNewNetwork(this.machine, ...given);
  }

  /** What the plugin printed; throws if it fails. */
  ok(verb: string, request: CniRequest = {}): CniOutcome["said"] {
    return this.runtime.ok(verb, request);
  }
}

/** One for each test of a file. */
export function onCniHosts(): CniHost {
  const cni = new CniHost();
  onHosts((machine) => (cni.machine = machine));
  // Before the host's own leak check: what it is about is the host.
  afterEach(() => cni.runtime[Symbol.dispose]());
  return cni;
}

function got<T>(thing: T | undefined): T {
  if (thing === undefined) throw new Error("only a test has a host, and a runtime once it has installed one");
  return thing;
}
