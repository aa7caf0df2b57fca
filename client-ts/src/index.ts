/** Typed client of the ParkCarbon API. Every path, parameter, body and answer is checked against `openapi.json`. */
import createFetchClient, { type Client } from "openapi-fetch";

import type { components, paths } from "./schema";

export type { components, operations, paths } from "./schema";

/** A refusal (RFC 9457); `reason` is the same in every language. */
export type Problem = components["schemas"]["Problem"];

export interface ClientOptions {
  /** Where the platform is, such as https://parkcarbon.example. */
  baseUrl: string;
  /** The bearer token; left out where a session cookie says who asks. */
  token?: string;
  /** Of the sentences that the platform answers. */
  language?: "zh" | "en";
  /** Stands in for the global fetch. */
  fetch?: (request: Request) => Promise<Response>;
}

/**
 * Makes a client.
 *
 * @example
 * const client = createClient({ baseUrl: "https://parkcarbon.example", token });
 * const { data, error } = await client.GET("/v1/parks/{park}", { params: { path: { park: "ganzhou-etdz" } } });
 */
export function createClient(options: ClientOptions): Client<paths> {
  const headers: Record<string, string> = { "Accept-Language": options.language ?? "en" };
  if (options.token !== undefined) {
    headers["Authorization"] = `Bearer ${options.token}`;
  }
  return createFetchClient<paths>({
    baseUrl: options.baseUrl,
    headers,
    credentials: "same-origin",
    ...(options.fetch === undefined ? {} : { fetch: options.fetch }),
  });
}

/** A page of a list as JSON. */
interface Page {
  next_page_token: string;
}

/** Yields every page of a list; `read` is asked with the token of the page, "" for the first. */
export async function* pages<D>(
  read: (pageToken: string) => Promise<{ data?: D | undefined; error?: unknown }>,
): AsyncGenerator<Extract<D, Page>> {
  let token = "";
  do {
    const { data, error } = await read(token);
    if (data === undefined || typeof data === "string") {
      throw error ?? new TypeError("the answer is no page of JSON");
    }
    const page = data as Extract<D, Page>;
    yield page;
    token = page.next_page_token;
  } while (token !== "");
}
