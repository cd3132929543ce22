import { NetkitError } from "@netkit/core";
import * as z from "zod";

/** Answers a request's body, which is checked. */
type Method = (body: unknown) => Promise<object>;

/** By the path of the request, without its slash: `NetworkDriver.Join`. */
export type Methods = Readonly<Record<string, Method>>;

/** Checks the body before `run` gets it; Docker sends more with each version, and what is unknown is passed over. */
export function method<S extends z.ZodType>(schema: S, run: (request: z.infer<S>) => Promise<object>): Method {
  return async (body) => {
    const result = schema.safeParse(body ?? {});
    if (result.success) return await run(result.data);
    throw new NetkitError("ARGUMENT_INVALID", `the request is none of Docker's: ${z.prettifyError(result.error)}`);
  };
}
