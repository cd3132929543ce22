/** What `port add` and `port rm` have in common. */
export const sandboxArgument = { summary: "Name, id or unique prefix of an id", complete: "sandbox" } as const;
export const portsArgument = {
  many: true,
  summary: "[[ADDRESS:]HOST-PORT:]PORT[/PROTOCOL][,from=CIDR]...",
} as const;
export const publishedArgument = {
  many: true,
  summary: "[[ADDRESS:]HOST-PORT:]PORT[/PROTOCOL]",
  complete: "published-port",
} as const;
export const networkOption = {
  value: "NETWORK",
  summary: "The sandbox's network whose address the ports are forwarded to",
  complete: "network",
} as const;
