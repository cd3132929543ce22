import { NetkitError, quoted, type DnsConfig, type Ip, type Sandbox } from "@netkit/core";

/** No white space, control characters or comment signs: the text stays one word of one line. */
const word = /^[^\s#;\p{Cc}]{1,255}$/u;

/**
 * A hostname that the kernel and /etc/hosts take: letters, digits, '-', '_' and '.', at most 64 bytes (HOST_NAME_MAX).
 * @throws NetkitError NAME_INVALID
 */
export function parseHostname(hostname: string, what: "hostname" | "domainname" = "hostname"): string {
  if (!/^[A-Za-z0-9_](?:[A-Za-z0-9_.-]{0,62}[A-Za-z0-9_])?$/.test(hostname)) {
    throw new NetkitError("NAME_INVALID", `invalid ${what} ${quoted(hostname)}`, {
      hint: "It holds letters, digits, '-', '_' and '.', 64 at most, and no '-' or '.' at its ends.",
      details: { hostname },
    });
  }
  return hostname;
}

/** /etc/hostname. */
export function renderHostname(hostname: string): string {
  return `${parseHostname(hostname)}\n`;
}

export interface HostsFile {
  readonly hostname: string;
  readonly domainname?: string | undefined;
  /** Further names of the sandbox itself. */
  readonly aliases?: readonly string[];
  /** The sandbox's own addresses. */
  readonly addresses: readonly Ip[];
  /** Of --add-host. */
  readonly hosts: Sandbox["hosts"];
  /** What `host-gateway` stands for. */
  readonly hostGateway?: readonly Ip[];
}

/** /etc/hosts in Docker's shape: loopback, what the user added, then the sandbox's own names by address. */
export function renderHosts(file: HostsFile): string {
  const { hostname, domainname, aliases = [], hostGateway = [] } = file;
  const full =
    domainname === undefined ? [] : [`${parseHostname(hostname)}.${parseHostname(domainname, "domainname")}`];
  const names = [...full, parseHostname(hostname), ...aliases.map((name) => checkWord("host name", name))];
  const lines = [
    ["127.0.0.1", "localhost"],
    ["::1", "localhost ip6-localhost ip6-loopback"],
    ["fe00::", "ip6-localnet"],
    ["ff00::", "ip6-mcastprefix"],
    ["ff02::1", "ip6-allnodes"],
    ["ff02::2", "ip6-allrouters"],
    ...file.hosts.flatMap(({ address, name }) =>
      (address === "host-gateway" ? hostGateway : [address]).map((one) => [one, checkWord("host name", name)]),
    ),
    ...file.addresses.map((address) => [address, [...new Set(names)].join(" ")]),
  ];
  return lines.map((line) => `${line.join("\t")}\n`).join("");
}

/**
 * /etc/resolv.conf (resolv.conf(5)): what `dns` says; each list that it leaves empty comes from the host's file.
 * A single search domain "." stands for none.
 *
 * The host's loopback servers and those with a zone are left out, for a sandbox can't reach them. No server is made up:
 * when none is left, a comment says so.
 */
export function renderResolvConf(dns: Partial<DnsConfig>, hostFile: string = ""): string {
  const host = parseResolvConf(hostFile);
  const reachable = host.servers.filter((server) => !isLocal(server));
  const servers = choose(dns.servers, reachable);
  const search = choose(dns.search, host.search).filter((domain) => domain !== ".");
  const options = choose(dns.options, host.options);
  const none = host.servers.length > 0 ? "the host's can't be reached from here" : "the host has none";
  return [
    ...(servers.length === 0 ? [`# No name server: ${none}. Set one with --dns.`] : []),
    ...servers.map((server) => `nameserver ${checkWord("DNS server", server)}`),
    ...(search.length === 0 ? [] : [`search ${search.map((domain) => checkWord("search domain", domain)).join(" ")}`]),
    ...(options.length === 0 ? [] : [`options ${options.map((option) => checkWord("DNS option", option)).join(" ")}`]),
    "",
  ].join("\n");
}

/**
 * /etc/resolv.conf of a sandbox whose name server is netkit's own at `resolver`. Dots in a name don't keep it from being
 * looked up as it is: names of netkit's have some, and the resolver knows whether they are.
 */
export function renderServedResolvConf(resolver: Ip, dns: Partial<DnsConfig>, hostFile: string = ""): string {
  const given = choose(dns.options, parseResolvConf(hostFile).options);
  const options = given.some((option) => option.startsWith("ndots:")) ? given : [...given, "ndots:0"];
  return `# Served by netkit, which asks others for the names that it doesn't know.\n${renderResolvConf({ ...dns, options, servers: [resolver] }, hostFile)}`;
}

/**
 * As the C library reads it: the last `search` or `domain` counts, `options` add up. Servers are left as text. What is no word is passed
 * over: people write comments behind values.
 */
export function parseResolvConf(text: string): { servers: string[]; search: string[]; options: string[] } {
  const found: { servers: string[]; search: string[]; options: string[] } = { servers: [], search: [], options: [] };
  for (const line of text.split("\n")) {
    const [keyword, ...all] = line.trim().split(/\s+/);
    const comment = all.findIndex((value) => /^[#;]/.test(value));
    const values = all.slice(0, comment === -1 ? undefined : comment).filter((value) => word.test(value));
    if (keyword === "nameserver") found.servers.push(...values.slice(0, 1));
    else if (keyword === "search") found.search = values;
    else if (keyword === "domain") found.search = values.slice(0, 1);
    else if (keyword === "options") found.options.push(...values);
  }
  return found;
}

function choose(wanted: readonly string[] = [], otherwise: readonly string[]): readonly string[] {
  return wanted.length > 0 ? wanted : otherwise;
}

/** Loopback (127.0.0.0/8, ::1, and 0.0.0.0, which means it) or bound to a link of the host by a zone. */
function isLocal(server: string): boolean {
  return /^(127\.|0\.0\.0\.0$|::1?$|::ffff:127\.)/i.test(server) || server.includes("%");
}

function checkWord(what: string, text: string): string {
  if (word.test(text)) return text;
  throw new NetkitError("ARGUMENT_INVALID", `invalid ${what} ${JSON.stringify(text.slice(0, 64))}`, {
    hint: "It must be one word without blanks, '#' and ';'.",
    details: { text },
  });
}
