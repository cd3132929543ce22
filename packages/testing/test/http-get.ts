import type { Host } from "../src/hosts/index.ts";

/** What a web server answers, which may take a moment until it listens. */
export async function get(from: Host, url: string): Promise<string> {
  const fetching = `node -e 'fetch("${url}").then((r) => r.text()).then(console.log)'`;
  await from.until(fetching);
  return (await from.shell(fetching)).trim();
}
