/** Names of a topic's keys and its channel: all in one slot. The layout is drawn in `../redis.ts`. */
export interface TopicKeys {
  readonly topic: string;
  readonly events: string;
  /** Channel: rings with the number of the last event. */
  readonly ring: string;
  readonly nodes: string;
  readonly here: string;
  readonly typing: string;
  readonly sent: string;
}

export function topicKeys(prefix: string, node: string, key: string): TopicKeys {
  // A hash tag is what stands between the first braces.
  const of = (what: string): string => `${prefix}:{topic.${key.replace(/[%{}]/g, encodeURIComponent)}}:${what}`;
  return {
    topic: of("topic"),
    events: of("events"),
    ring: of("ring"),
    nodes: of("nodes"),
    here: of("here"),
    typing: of("typing"),
    sent: of(`sent:${node}`),
  };
}
