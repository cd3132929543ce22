import { request } from "node:http";

/** Has Docker do something, by its API. @param body JSON. @throws Error with what it answers, but for 200 */
export async function post(socketPath: string, path: string, body: string): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const headers = { "content-type": "application/json" };
  const asking = request({ socketPath, method: "POST", path, headers }, (response) => {
    let text = "";
    response.setEncoding("utf8").on("data", (part: string) => (text += part));
    response.on("error", reject).on("end", () => {
      if (response.statusCode === 200) resolve();
      else reject(new Error(`Docker answers ${response.statusCode} to ${path}: ${text}`));
    });
  });
  asking.on("error", reject).end(body);
  await promise;
}
