/** Uses that must go on compiling: a page of parks, a push, and the progress of its job. */
import { createClient, pages } from "./index";

export async function parkIds(baseUrl: string, token: string): Promise<string[]> {
  const client = createClient({ baseUrl, token, language: "zh" });
  const found: string[] = [];
  for await (const page of pages((page_token) => client.GET("/v1/parks", { params: { query: { page_token } } }))) {
    found.push(...page.parks.map((park) => park.park_id));
  }
  return found;
}

export async function push(baseUrl: string, token: string, park: string, key: string): Promise<string | undefined> {
  const client = createClient({ baseUrl, token });
  const { data, error } = await client.POST("/v1/parks/{park}/activity-records", {
    params: { path: { park }, header: { "Idempotency-Key": key } },
    body: [
      {
        record_id: "r-1",
        source_id: "meter-7",
        period_start: "2022-01-01",
        period_end: "2022-02-01",
        quantity: "12.5",
        unit: "MWh",
      },
    ],
  });
  return error === undefined && data !== undefined && "accepted" in data ? String(data.accepted) : error?.reason;
}
