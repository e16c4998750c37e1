-- wrk's requests and report. Arguments, after wrk's "--":
--   get ID-OR-FILE      GET of a cart, or of a random one of those in the file
--   add ID-OR-FILE      an add to it of one of its three products
--   add_attributes ID-OR-FILE   the same, with attributes of 100 bytes (of a file's carts: others each time)
-- An ID is 36 characters; a file has one a line. One thread (-t1): the counts below are its own.

local JSON = { ["Content-Type"] = "application/json" }
local ids = {}

local function read_ids(name)
	if #name == 36 and not name:find("/") then
		ids[1] = name
		return
	end
	for id in io.lines(name) do
		ids[#ids + 1] = id
	end
end

local function path()
	return "/shopping-carts/" .. ids[math.random(#ids)]
end

local modes = {}

function modes.get(args)
	read_ids(args[2])
	if #ids == 1 then
		wrk.path = path() -- without a request function wrk repeats one request, at no cost
		return
	end
	request = function()
		return wrk.format("GET", path())
	end
end

-- Of a line, what follows its quantity.
local function attributes()
	return ""
end

local function add_body()
	return '{"product_id": ' .. math.random(3) .. ', "quantity": 1' .. attributes() .. "}"
end

function modes.add(args)
	read_ids(args[2])
	if #ids == 1 then
		wrk.method, wrk.path, wrk.body = "POST", path() .. "/items", add_body()
		wrk.headers["Content-Type"] = JSON["Content-Type"]
		return
	end
	request = function()
		return wrk.format("POST", path() .. "/items", JSON, add_body())
	end
end

-- As a page would write them: compact, and not in the order of their names.
local BEFORE = '{"sku":"MUG-0815-RED","name":"Mug, red, 0.3 litres, ceramic","price":'
local AFTER = ',"currency":"EUR","gift":0}'

function modes.add_attributes(args)
	assert(#BEFORE + 4 + #AFTER == 100)
	attributes = function()
		return ', "attributes": ' .. BEFORE .. math.random(1000, 9999) .. AFTER
	end
	modes.add(args)
end

function init(args)
	math.randomseed(1)
	modes[args[1]](args)
end

function done(summary, latency)
	local e, histogram = summary.errors, {}
	for i = 1, #latency do
		histogram[i] = string.format("[%d, %d]", latency(i))
	end
	io.write(string.format('{"requests": %d, "us": %d, "errors": %d, "timeouts": %d, "histogram": [%s]}\n', summary.requests,
		summary.duration, e.connect + e.read + e.write + e.status + e.timeout, e.timeout, table.concat(histogram, ", ")))
end
