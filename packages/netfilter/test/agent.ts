// Runs in a namespace of the tests (`ip netns exec`): answers and asks over real sockets, told by lines of JSON.
// Every answer says who gave it and from which address it saw the question come.
import { createSocket } from "node:dgram";
import { connect, createServer, isIPv6 } from "node:net";
import { createInterface } from "node:readline";

export interface Listen {
  readonly op: "listen";
  readonly protocol: "tcp" | "udp";
  readonly port: number;
}
export interface Ask {
  readonly op: "ask";
  readonly protocol: "tcp" | "udp";
  readonly host: string;
  readonly port: number;
  /** UDP's alone; 0: any. */
  readonly sourcePort: number;
  readonly source?: string | undefined;
  readonly timeoutMs: number;
}
/** What datagrams said that came since the last time. */
export interface Received {
  readonly op: "received";
}
export interface Answer {
  readonly name: string;
  readonly seen: string;
  readonly port: number;
}

const received: string[] = [];
const name = process.argv[2] ?? "";

const answerFor = (seen: string, port: number): string =>
  JSON.stringify({ name, seen: seen.replace("::ffff:", ""), port } satisfies Answer);

function listen({ protocol, port }: Listen): Promise<null> {
  return new Promise((resolve, reject) => {
    if (protocol === "tcp") {
      const server = createServer((socket) => {
        socket.on("error", () => {});
        socket.end(answerFor(socket.remoteAddress ?? "", port));
      });
      server.on("error", reject).listen(port, "::", () => resolve(null));
      return;
    }
    // One socket for each family, so that answers of IPv4 leave as IPv4 proper.
    const sockets = (["udp4", "udp6"] as const).map((type) => createSocket({ type, ipv6Only: type === "udp6" }));
    let bound = 0;
    for (const socket of sockets) {
      socket.on("message", (message, from) => {
        received.push(message.toString());
        socket.send(answerFor(from.address, port), from.port, from.address);
      });
      socket.on("error", reject).bind(port, () => {
        if (++bound === sockets.length) resolve(null);
      });
    }
  });
}

function ask(question: Ask): Promise<Answer | null> {
  return new Promise((resolve) => {
    const { host, port, protocol, timeoutMs } = question;
    const closing: (() => void)[] = [];
    const finish = (answer: Answer | null): void => {
      for (const close of closing.splice(0)) close();
      resolve(answer);
    };
    const timer = setTimeout(() => finish(null), timeoutMs);
    closing.push(() => clearTimeout(timer));
    const parse = (data: Buffer): void => finish(JSON.parse(data.toString()) as Answer);
    if (protocol === "tcp") {
      const socket = connect({ host, port });
      closing.push(() => socket.destroy());
      socket.on("data", parse).on("error", () => finish(null));
      return;
    }
    const socket = createSocket(isIPv6(host) ? "udp6" : "udp4");
    closing.push(() => socket.close());
    socket.on("message", parse).on("error", () => finish(null));
    socket.bind(question.sourcePort, question.source, () => {
      // A connected socket takes answers from the address it asked only.
      socket.connect(port, host, () => socket.send("?"));
    });
  });
}

function carryOut(command: Listen | Ask | Received): Promise<Answer | string[] | null> {
  if (command.op === "received") return Promise.resolve(received.splice(0));
  return command.op === "listen" ? listen(command) : ask(command);
}

createInterface({ input: process.stdin }).on("line", (line) => {
  const { id, command } = JSON.parse(line) as { id: number; command: Listen | Ask | Received };
  carryOut(command).then(
    (result) => process.stdout.write(`${JSON.stringify({ id, result })}\n`),
    (error: unknown) => process.stdout.write(`${JSON.stringify({ id, error: String(error) })}\n`),
  );
});
process.stdin.on("end", () => process.exit(0));
