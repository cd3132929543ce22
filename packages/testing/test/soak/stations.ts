// Who reaches whom: UDP and TCP sockets in every namespace at once, without a process for each.
import { createSocket, type Socket } from "node:dgram";
import { once } from "node:events";
import { connect, createServer, isIPv6, type Server } from "node:net";
import { setTimeout } from "node:timers/promises";
import { decode, encode } from "dns-packet";
import type { Space } from "../../src/index.ts";

/** Where all of them listen. */
const port = 7000;
const resolver = "::ffff:127.0.0.11";
/** What is to be silent has so long to be heard, after all else was heard. */
const silenceMs = 100;
/** A connection that nobody is to take is refused within this time, or dropped. */
const refusalMs = 1_000;
/** An address of IPv6 that is new to a neighbour may take a second and more (RFC 4861, 7.2.2), and a busy machine its time. */
const patienceMs = 20_000;
const againMs = 250;

/** One thing that is asked of another station, and who has to answer; undefined: nobody. */
export type Question = {
  /** The station that asks. */
  readonly from: string;
  readonly what: string;
} & (
  | { readonly by: "udp" | "tcp"; readonly address: string; readonly port: number; readonly answer: string | undefined }
  /** The addresses that it has to get; none: the name is none there. */
  | { readonly by: "dns"; readonly name: string; readonly type: "A" | "AAAA"; readonly answer: readonly string[] }
);

interface Station {
  readonly space: Space;
  readonly asking: Socket;
  readonly answering: readonly Socket[];
  readonly tcp: Server;
}

/** Sockets in namespaces, for as long as these are looked at. */
export class Stations implements AsyncDisposable {
  readonly #stations = new Map<string, Station>();
  /** Questions that were sent as datagrams, and what came to each. */
  readonly #sent = new Map<number, { readonly question: Question; readonly answers: Set<string> }>();
  #asked = 0;

  /** Has a station in a namespace, which says its name to whoever asks at one of its addresses. */
  async open(name: string, space: Space, addresses: readonly string[]): Promise<void> {
    using _ = space.enter();
    const asking = createSocket("udp6");
    asking.on("message", (message, from) => this.#hear(message, from));
    const sockets = [listening(asking, "::")];
    // One for each: what answers from another address than it was asked at isn't heard, as everywhere.
    const answering = addresses.map((address) => {
      const socket = createSocket(isIPv6(address) ? "udp6" : "udp4");
      socket.on("message", (message, from) => socket.send(`${String(message)} ${name}`, from.port, from.address));
      sockets.push(listening(socket, address, port));
      return socket;
    });
    const tcp = createServer((socket) => {
      socket.on("error", () => socket.destroy());
      socket.end(name);
    });
    tcp.listen(port, "::");
    await Promise.all([once(tcp, "listening"), ...sockets]);
    this.#stations.set(name, { space, asking, answering, tcp });
  }

  #hear(message: Buffer, from: { readonly address: string; readonly port: number }): void {
    if (from.port === 53) {
      const { id = -1, answers = [] } = decode(message);
      for (const record of answers)
        if (record.type === "A" || record.type === "AAAA") this.#sent.get(id)?.answers.add(record.data);
      return;
    }
    const [number, station = ""] = String(message).split(" ");
    const sent = this.#sent.get(Number(number));
    if (sent?.question.by !== "udp") return;
    const { address, port } = sent.question;
    const asExpected = from.port === port && plain(from.address) === address;
    sent.answers.add(asExpected ? station : `${station}, from ${plain(from.address)}:${from.port}`);
  }

  /** In words what was otherwise than it has to be. */
  async ask(questions: readonly Question[]): Promise<string[]> {
    const wrong = new Set<string>();
    const byTcp = questions.filter(({ by }) => by === "tcp");
    for (const from of new Set(byTcp.map((question) => question.from)))
      for (const line of await this.#connect(
        from,
        byTcp.filter((question) => question.from === from),
      ))
        wrong.add(line);
    const datagrams = questions.filter(({ by }) => by !== "tcp");
    const end = performance.now() + patienceMs;
    for (let left = datagrams; left.length > 0;) {
      const sent = new Map(left.map((question) => [this.#send(question), question]));
      const again = performance.now() + againMs;
      while (performance.now() < again && [...sent].some(([number, question]) => this.#isOpen(number, question)))
        await setTimeout(5);
      await setTimeout(silenceMs);
      for (const [number, question] of sent) {
        const line = this.#judge(number, question);
        if (line !== undefined && (!this.#isOpen(number, question) || performance.now() > end)) wrong.add(line);
      }
      left =
        performance.now() > end
          ? []
          : [...sent].filter(([number, question]) => this.#isOpen(number, question)).map(([, question]) => question);
    }
    this.#sent.clear();
    return [...wrong];
  }

  #send(question: Question): number {
    const number = (this.#asked = (this.#asked % 65_535) + 1);
    this.#sent.set(number, { question, answers: new Set() });
    const { asking } = this.#station(question.from);
    // What can't be sent isn't answered.
    if (question.by === "dns") {
      const query = encode({
        type: "query",
        id: number,
        flags: 256,
        questions: [{ type: question.type, name: question.name }],
      });
      asking.send(query, 53, resolver, () => {});
    } else if (question.by === "udp") asking.send(String(number), question.port, mapped(question.address), () => {});
    return number;
  }

  /** Whether an answer has to come that hasn't. */
  #isOpen(number: number, question: Question): boolean {
    const isWanted = question.answer !== undefined && question.answer.length > 0;
    return isWanted && this.#sent.get(number)?.answers.size === 0;
  }

  #judge(number: number, question: Question): string | undefined {
    const found = [...(this.#sent.get(number)?.answers ?? [])].toSorted();
    const wanted = question.answer === undefined ? [] : [question.answer].flat().toSorted();
    return found.join() === wanted.join() ? undefined : complaint(question, wanted, found);
  }

  async #connect(from: string, questions: readonly Question[]): Promise<string[]> {
    const { space } = this.#station(from);
    using _ = space.enter();
    const asked = questions.map(async (question) => {
      if (question.by !== "tcp") return [];
      const timeoutMs = question.answer === undefined ? refusalMs : patienceMs;
      const found = await answerOf(question.address, question.port, timeoutMs);
      return found === question.answer ? [] : [complaint(question, [question.answer ?? ""], [found ?? ""])];
    });
    return (await Promise.all(asked)).flat();
  }

  #station(name: string): Station {
    const station = this.#stations.get(name);
    if (station === undefined) throw new Error(`there is no station ${name}`);
    return station;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closed = [...this.#stations.values()]
      .flatMap(({ asking, answering, tcp }) => [asking, ...answering, tcp])
      .map(async (socket) => {
        const end = once(socket, "close");
        socket.close();
        await end;
      });
    await Promise.all(closed);
  }
}

function complaint(question: Question, wanted: readonly string[], found: readonly string[]): string {
  return `${question.from} asked ${question.what} by ${question.by}: ${listed(found)} instead of ${listed(wanted)}`;
}

function listed(stations: readonly string[]): string {
  return stations.join(" and ") || "nobody";
}

async function answerOf(address: string, port: number, timeoutMs: number): Promise<string | undefined> {
  const socket = connect({ host: address, port, timeout: timeoutMs });
  let text = "";
  const { promise, resolve } = Promise.withResolvers<string | undefined>();
  socket.on("data", (data) => (text += String(data)));
  socket.on("end", () => resolve(text));
  socket.on("timeout", () => resolve(undefined));
  socket.on("error", () => resolve(undefined));
  const answer = await promise;
  socket.destroy();
  return answer;
}

async function listening(socket: Socket, address: string, port = 0): Promise<void> {
  socket.on("error", () => {});
  const bound = once(socket, "listening");
  socket.bind(port, address);
  await bound;
}

function plain(address: string): string {
  return address.replace(/^::ffff:/, "");
}

function mapped(address: string): string {
  return isIPv6(address) ? address : `::ffff:${address}`;
}
