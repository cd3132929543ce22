import { quoted, timeScale, type Host } from "@netkit/testing/hosts";
import { expect } from "vitest";

/** On port 7, TCP and UDP, of both families, it tells each that sends something who it is and how much came. */
const server = `
import os, socket, sys
def opened(kind):
    one = socket.socket(socket.AF_INET6, kind)
    one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    one.bind(("::", 7))
    return one
tcp, udp = opened(socket.SOCK_STREAM), opened(socket.SOCK_DGRAM)
tcp.listen(100)
if os.fork() == 0:
    while True:
        data, other = udp.recvfrom(65535)
        udp.sendto(b"%s %d" % (sys.argv[1].encode(), len(data)), other)
while True:
    one, _ = tcp.accept()
    size = 0
    while data := one.recv(65536): size += len(data)
    one.sendall(b"%s %d" % (sys.argv[1].encode(), size))
    one.close()
`;

/** Sends each target much by TCP and by UDP, and prints what they tell, or what is wrong once the time is over. */
const client = `
import socket, sys, time
timeout, targets = float(sys.argv[1]), sys.argv[2:]
def ask(target, kind, size):
    family, _, _, _, address = socket.getaddrinfo(target, 7, 0, kind)[0]
    with socket.socket(family, kind) as one:
        one.settimeout(timeout / 5)
        one.connect(address)
        one.sendall(b"x" * size)
        if kind == socket.SOCK_STREAM: one.shutdown(socket.SHUT_WR)
        return one.recv(1000).decode()
end = time.monotonic() + timeout
for target in targets:
    said = []
    for kind, size in (socket.SOCK_STREAM, 300000), (socket.SOCK_DGRAM, 1000), (socket.SOCK_DGRAM, 9000):
        while True:
            try:
                said.append(ask(target, kind, size))
                break
            except OSError as error:
                if time.monotonic() > end:
                    said.append(str(error))
                    break
                time.sleep(0.05)
    print(target, *said)
`;

/** The words that run what answers in a sandbox of that name, with more options; it says its name unless told another. */
export function peer(name: string, options: string, says: string = name): string {
  return `netkit run -d --name ${name} ${options} -- python3 -c ${quoted(server)} ${says}`;
}

/** The words, on some host, of what talks to each target. */
function talking(timeoutMs: number, targets: readonly string[]): string[] {
  return ["python3", "-c", client, String((timeoutMs * timeScale) / 1000), ...targets];
}

/**
 * From a sandbox, or the host itself, each target is reached, by address or name: by TCP, by UDP, and by UDP in fragments.
 * @param targets whom the one at an address or of a name is
 */
export async function expectReached(
  from: Host,
  sandbox: string | undefined,
  targets: Readonly<Record<string, string>>,
  timeoutMs = 5_000,
): Promise<void> {
  const words = talking(timeoutMs, Object.keys(targets));
  const printed = await from.exec(sandbox === undefined ? words : ["netkit", "exec", sandbox, "--", ...words]);
  const expected = Object.entries(targets).map(([target, who]) => `${target} ${who} 300000 ${who} 1000 ${who} 9000`);
  // oxlint-disable-next-line vitest/no-standalone-expect -- what tests expect
  expect(printed.trim().split("\n"), `from ${sandbox ?? "the host"} on ${from.name}`).toEqual(expected);
}

/** Nothing comes back from there. */
export async function expectNotReached(from: Host, sandbox: string, target: string): Promise<void> {
  const { status, stdout } = await from.run(["netkit", "exec", sandbox, "--", "ping", "-c1", "-W1", target]);
  // oxlint-disable-next-line vitest/no-standalone-expect -- what tests expect
  expect(status, `${target} answers ${sandbox} on ${from.name}: ${stdout}`).not.toBe(0);
}

/** A packet of just the network's MTU goes through, with nothing fragmented on the way, and none of a byte more. */
export async function expectMtu(from: Host, sandbox: string, target: string, mtu: number): Promise<void> {
  const ping = "ping -c1 -M do -s";
  const inside = `${ping} ${mtu - 28} -W5 ${target} && ! ${ping} ${mtu - 27} -W0.1 ${target}`;
  const fragments = `awk '/^Ip: [0-9]/ { print $20 }' /proc/net/snmp`;
  const printed = await from.shell(
    `before=$(${fragments}); netkit exec ${sandbox} -- sh -c ${quoted(inside)} 2>&1; [ $(${fragments}) = $before ]`,
  );
  // oxlint-disable-next-line vitest/no-standalone-expect -- what tests expect
  expect(printed).toMatch(new RegExp(`1 received[^]*(message too long|Message too long).*mtu.${mtu}`));
}
