-- The archive that `cartctl archive` writes, as a table of Athena: replace the two places s3://BUCKET/PREFIX. A cart is a row. dt, the
-- day of its checkout, needs no crawler and no MSCK REPAIR TABLE: partition projection computes it. Ids are strings, whatever
-- cart.id_type is; times are milliseconds since 1970, UTC: from_unixtime(updated_ms / 1000.0). attributes is JSON:
-- json_extract_scalar(item.attributes, '$.name') after CROSS JOIN UNNEST(items) AS t(item).
CREATE EXTERNAL TABLE carts (
	id          string,
	customer_id string,
	state       string,
	version     bigint,
	created_ms  bigint,
	updated_ms  bigint,
	expires_ms  bigint,
	order_id    string,
	merged_into string,
	items       array<struct<product_id:string,quantity:bigint,added_ms:bigint,updated_ms:bigint,attributes:string>>
)
PARTITIONED BY (dt string)
ROW FORMAT SERDE 'org.openx.data.jsonserde.JsonSerDe'
LOCATION 's3://BUCKET/PREFIX/'
TBLPROPERTIES (
	'projection.enabled' = 'true',
	'projection.dt.type' = 'date',
	'projection.dt.format' = 'yyyy-MM-dd',
	'projection.dt.range' = '2020-01-01,NOW',
	'storage.location.template' = 's3://BUCKET/PREFIX/dt=${dt}/'
);
