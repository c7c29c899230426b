package outbox

// ShardOf is the shard of an endpoint.
var ShardOf = shardOf
