// The records of instances, read once a minute.
import { DynamoDBClient, GetItemCommand } from '@aws-sdk/client-dynamodb';

const FRESH_MS = 60_000;
const records = new Map();

export const dynamodb = new DynamoDBClient();

export async function findInstance(id) {
  const known = records.get(id);
  if (known && known.readAt + FRESH_MS > Date.now()) return known.item;
  const { Item: item } = await dynamodb.send(new GetItemCommand({
    TableName: process.env.INSTANCES_TABLE,
    Key: { instance: { S: id } },
    ConsistentRead: true,
  }));
  records.set(id, { item, readAt: Date.now() });
  return item;
}
