// One scenario, from an empty host to an empty host.
import { setTimeout } from "node:timers/promises";
import { isDeepStrictEqual } from "node:util";
import { isNetkitError } from "@netkit/core";
import { compareSnapshots, outsideIpv4, spaceOf, takeSnapshot, type Snapshot } from "../../src/index.ts";
import { Model, type Command, type Other } from "./model.ts";
import { lanes, type Damage, type Operation, type Round } from "./operations.ts";
import { linesOf, listingOf, Worker, type Listing, type Place } from "./place.ts";
import { questionsOf, stationOf } from "./questions.ts";
import { Stations } from "./stations.ts";

/** What of a box is changed by hand, in the box. */
const damages: Readonly<Record<Damage, string>> = {
  link: "ip -o link show type veth | cut -d: -f2 | cut -d@ -f1 | head -n 1 | xargs -rn1 ip link del",
  address: "ip -o link show type veth | cut -d: -f2 | cut -d@ -f1 | xargs -rn1 ip address flush dev",
  route: "ip route del default || true; ip -6 route del default || true",
  down: "ip -o link show type veth | cut -d: -f2 | cut -d@ -f1 | xargs -rn1 -I LINK ip link set LINK down",
};

export interface Tally {
  operations: number;
  refused: number;
  deaths: number;
  questions: number;
  rounds: number;
}

/** The processes of a soak, and what they have done. */
export class Crew implements AsyncDisposable {
  readonly place: Place;
  readonly workers: Worker[];
  readonly tally: Tally = { operations: 0, refused: 0, deaths: 0, questions: 0, rounds: 0 };
  /** What was done in this scenario, in the order in which it ended, with the milliseconds of its round from when to when. */
  readonly log: string[] = [];
  #roundBegan = 0;
  /** What an empty host looks like that netkit has worked on. */
  #empty: Snapshot | undefined;
  /** Takes the place of the next one that is killed: starting takes longer than most of what one does. */
  #spare: Promise<Worker>;

  private constructor(place: Place, workers: Worker[]) {
    this.place = place;
    this.workers = workers;
    this.#spare = Worker.start(place);
  }

  static async start(place: Place): Promise<Crew> {
    const workers = await Promise.all(Array.from({ length: lanes }, async () => await Worker.start(place)));
    return new Crew(place, workers);
  }

  /** @throws Error that says what was otherwise than the model has it */
  async play(rounds: readonly Round[]): Promise<void> {
    if (this.#empty === undefined) await this.#warmUp();
    this.log.length = 0;
    try {
      let model = new Model();
      for (const round of rounds) model = await this.#playRound(model, round);
    } catch (error) {
      // What comes next begins on an empty host; what can't be cleared away is no news then.
      await this.#clear().catch(() => {});
      throw error;
    }
    await this.#clear();
    const left = compareSnapshots(this.#empty ?? {}, await this.#picture());
    if (left.length > 0) throw new Error(`left behind: ${left.join("\n")}`);
  }

  /** The first network makes a table and chains that stay as long as others are there. */
  async #warmUp(): Promise<void> {
    const first = this.#worker(0).caller;
    await first.call("execute", { do: "create network", network: "net-first", shape: "ipv6" });
    await first.call("execute", { do: "remove network", network: "net-first" });
    this.#empty = await this.#picture();
  }

  async #picture(): Promise<Snapshot> {
    return await takeSnapshot(this.place.host.spaces, { names: [this.place.mark] });
  }

  async #clear(): Promise<void> {
    const first = this.#worker(0).caller;
    for (const { name } of await first.call("sandboxes")) await first.call("execute", { do: "remove", sandbox: name });
    for (const { name } of (await first.call("networks")).filter(({ name }) => name.startsWith("net")))
      await first.call("execute", { do: "remove network", network: name });
  }

  async #playRound(before: Model, round: Round): Promise<Model> {
    this.tally.rounds++;
    this.#roundBegan = performance.now();
    this.log.push(`round${round.flush ? ", after the firewall was flushed" : ""}`);
    const first = this.#worker(0).caller;
    if (round.flush) {
      await this.place.host.exec(["nft", "flush", "ruleset"]);
      await first.call("execute", { do: "repair" });
    }
    const model = new Model(before);
    const played = await Promise.allSettled(
      round.work.map(async (_, lane) => await this.#playLane(model, round, lane)),
    );
    for (const lane of played) if (lane.status === "rejected") throw lane.reason;
    const open = played.map((lane) => (lane.status === "fulfilled" ? lane.value : undefined)).find(Boolean);
    if (round.kill !== undefined || damageOf(round) > 1) {
      // Whoever comes after a death ends what it has begun; of two who damage at a time one may not have come to mend it.
      await first.call("execute", { do: "repair" });
    }
    const findings = await first.call("doctor");
    if (findings.length > 0) throw new Error(`doctor finds at rest: ${findings.join("; ")}`);
    const listing = listingOf(await first.call("networks"), await first.call("sandboxes"));
    const settled = settle(model, open, linesOf(listing));
    await this.#look(listing);
    for (const worker of this.workers) {
      const warnings = await worker.caller.call("warnings");
      if (warnings.length > 0) throw new Error(`warned: ${warnings.join("; ")}`);
    }
    return settled;
  }

  /** @returns what it was killed over, which is done or isn't */
  async #playLane(model: Model, { work, kill }: Round, lane: number): Promise<Command | undefined> {
    const others = work.flatMap((operations, other): Other[] =>
      other === lane ? [] : operations.map((operation) => ({ lane: other, operation })),
    );
    const death = kill?.lane === lane ? kill : undefined;
    for (const [at, operation] of (work[lane] ?? []).entries()) {
      const command = model.resolve(lane, operation);
      if (command === undefined) continue;
      if (operation.kind === "damage") await this.#damage(model, lane, operation);
      this.tally.operations++;
      if (death !== undefined && death.at <= at)
        return await this.#killOver(model, lane, command, death.afterMs, others);
      await this.#execute(model, lane, command, others);
    }
    return undefined;
  }

  async #execute(model: Model, lane: number, command: Command, others: readonly Other[]): Promise<void> {
    const began = this.#now();
    const write = (outcome = ""): void =>
      void this.log.push(`${lane}: ${Object.values(command).join(" ")}${outcome} (${began}-${this.#now()} ms)`);
    try {
      await this.#worker(lane).caller.call("execute", command);
    } catch (error) {
      if (!isNetkitError(error)) {
        write(": killed");
        throw error;
      }
      write(`: ${error.code}`);
      if (!model.mayRefuse(command, error.code, others))
        throw new Error(`${JSON.stringify(command)} was refused: ${error.code} ${error.message}`, { cause: error });
      this.tally.refused++;
      return;
    }
    write();
    model.apply(command);
  }

  async #killOver(
    model: Model,
    lane: number,
    command: Command,
    afterMs: number,
    others: readonly Other[],
  ): Promise<Command | undefined> {
    const worker = this.#worker(lane);
    let ended = false;
    const asked = this.#execute(model, lane, command, others).then(() => (ended = true));
    asked.catch(() => {});
    await setTimeout(afterMs);
    await worker.kill();
    this.tally.deaths++;
    this.workers[lane] = await this.#spare;
    this.#spare = Worker.start(this.place);
    try {
      await asked;
    } catch (error) {
      if (!(error instanceof Error && error.message.includes("has ended"))) throw error;
    }
    return ended ? undefined : command;
  }

  async #damage(model: Model, lane: number, { box, damage }: Extract<Operation, { kind: "damage" }>): Promise<void> {
    const name = model.sandboxOf(lane, box);
    const found = (await this.#worker(0).caller.call("sandboxes")).find((sandbox) => sandbox.name === name);
    if (found === undefined) throw new Error(`${name} isn't listed`);
    const began = this.#now();
    await spaceOf(found.netns).shell(damages[damage]);
    this.log.push(`${lane}: damaged ${name}: ${damage} (${began}-${this.#now()} ms)`);
  }

  async #look(listing: Listing): Promise<void> {
    const { host } = this.place;
    await using stations = new Stations();
    await stations.open("host", host, []);
    if (host.outside !== undefined) await stations.open("outside", host.outside, [outsideIpv4]);
    for (const box of listing.boxes) {
      const addresses = box.endpoints.flatMap((endpoint) => endpoint.addresses);
      await stations.open(stationOf(box), spaceOf(box.netns), addresses);
    }
    const questions = questionsOf(listing);
    this.tally.questions += questions.length;
    const wrong = await stations.ask(questions);
    if (wrong.length > 0) throw new Error(wrong.join("\n"));
  }

  #now(): number {
    return Math.round(performance.now() - this.#roundBegan);
  }

  #worker(lane: number): Worker {
    const worker = this.workers[lane];
    if (worker === undefined) throw new Error(`there is no worker ${lane}`);
    return worker;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([...this.workers, await this.#spare].map(async (worker) => await worker.stop()));
  }
}

function damageOf({ work }: Round): number {
  return work.flat().filter(({ kind }) => kind === "damage").length;
}

/** The model that is as netkit has it: what somebody was killed over may be done, or not. */
function settle(model: Model, open: Command | undefined, lines: readonly string[]): Model {
  const candidates = [model];
  if (open !== undefined) {
    const done = new Model(model);
    done.apply(open);
    candidates.push(done);
  }
  const found = candidates.find((candidate) => isDeepStrictEqual(candidate.lines(), lines));
  if (found !== undefined) return found;
  const wanted = candidates.map((candidate) => candidate.lines().join("; ")).join("\n or ");
  throw new Error(`netkit has: ${lines.join("; ")}\nwhere there must be: ${wanted}`);
}
