-- Six weeks of flights out of New York City: 1 to 21 January and 1 to 21 July 2013.
--
--     anokuro run examples/flights.sql flights.ank        (from the folder that holds examples/)
--
-- Makes four tables, fills them, asks what happened, and then looks at what the answers were read from.
-- It can be run again; afterwards `anokuro flights.ank` goes on from here.

.mode table

.print == The tables

DROP TABLE IF EXISTS flights;
DROP TABLE IF EXISTS planes;
DROP TABLE IF EXISTS airports;
DROP TABLE IF EXISTS airlines;

CREATE TABLE airlines (
    carrier TEXT PRIMARY KEY,
    name    TEXT NOT NULL
);

CREATE TABLE airports (
    faa   TEXT PRIMARY KEY,
    name  TEXT NOT NULL,
    lat   REAL,
    lon   REAL,
    alt   INTEGER,          -- feet above the sea
    tz    INTEGER,          -- hours from UTC
    dst   TEXT,
    tzone TEXT
);

CREATE TABLE planes (
    tailnum      TEXT PRIMARY KEY,
    year         INTEGER,   -- of manufacture
    type         TEXT,
    manufacturer TEXT,
    model        TEXT,
    engines      INTEGER,
    seats        INTEGER,
    speed        INTEGER,
    engine       TEXT
);

CREATE TABLE flights (
    year           INTEGER NOT NULL,
    month          INTEGER NOT NULL,
    day            INTEGER NOT NULL,
    dep_time       INTEGER,             -- 517 is 5:17; NULL: cancelled
    sched_dep_time INTEGER NOT NULL,
    dep_delay      INTEGER,             -- minutes
    arr_time       INTEGER,
    sched_arr_time INTEGER NOT NULL,
    arr_delay      INTEGER,
    carrier        TEXT NOT NULL,
    flight         INTEGER NOT NULL,
    tailnum        TEXT,
    origin         TEXT NOT NULL,
    dest           TEXT NOT NULL,
    air_time       INTEGER,
    distance       INTEGER NOT NULL,    -- miles
    hour           INTEGER NOT NULL,
    minute         INTEGER NOT NULL,
    time_hour      TIMESTAMP NOT NULL
);

.import examples/data/airlines.csv airlines
.import examples/data/airports.csv airports --null NA
.import examples/data/planes.csv planes --null NA
.import examples/data/flights.csv.gz flights --null NA

CREATE INDEX flights_by_plane ON flights (tailnum);
CREATE INDEX flights_by_destination ON flights (dest, month, day);

.print == 1. How much is there?

SELECT (SELECT count(*) FROM airlines) AS airlines,
       (SELECT count(*) FROM airports) AS airports,
       (SELECT count(*) FROM planes)   AS planes,
       (SELECT count(*) FROM flights)  AS flights;

.print == 2. Who flies, how far, and how late do they leave?

SELECT a.name, count(*) AS flights, sum(f.distance) AS miles,
       round(avg(f.dep_delay), 1) AS minutes_late
FROM flights AS f JOIN airlines AS a ON a.carrier = f.carrier
GROUP BY a.name
ORDER BY flights DESC;

.print == 3. Winter or summer?

SELECT month, count(*) AS planned, count(*) - count(dep_time) AS cancelled,
       round(avg(dep_delay), 1) AS minutes_late, max(dep_delay) AS worst
FROM flights
GROUP BY month
ORDER BY month;

.print == 4. Delays grow through the day: leave early.

SELECT hour, count(*) AS flights, round(avg(dep_delay), 1) AS minutes_late
FROM flights
WHERE dep_delay IS NOT NULL
GROUP BY hour
HAVING count(*) >= 100
ORDER BY hour;

.print == 5. The five worst days

SELECT month, day, count(*) AS planned, count(*) - count(dep_time) AS cancelled,
       round(avg(dep_delay), 1) AS minutes_late
FROM flights
GROUP BY month, day
ORDER BY minutes_late DESC
LIMIT 5;

.print == 6. Where is it hardest to arrive on time? (destinations with at least 150 flights)

SELECT p.name, count(*) AS flights, round(avg(f.arr_delay), 1) AS minutes_late
FROM flights AS f JOIN airports AS p ON p.faa = f.dest
WHERE f.arr_delay IS NOT NULL
GROUP BY p.name
HAVING count(*) >= 150
ORDER BY minutes_late DESC
LIMIT 8;

.print == 7. Which airlines make up time in the air?

SELECT a.name, round(avg(f.dep_delay - f.arr_delay), 1) AS minutes_regained
FROM flights AS f JOIN airlines AS a ON a.carrier = f.carrier
WHERE f.dep_delay > 15
GROUP BY a.name
ORDER BY minutes_regained DESC
LIMIT 5;

.print == 8. The busiest planes

SELECT f.tailnum, p.manufacturer, p.model, p.year, count(*) AS flights, sum(f.distance) AS miles
FROM flights AS f JOIN planes AS p ON p.tailnum = f.tailnum
GROUP BY f.tailnum, p.manufacturer, p.model, p.year
ORDER BY flights DESC, f.tailnum
LIMIT 5;

.print == 9. Are old planes late?

SELECT p.year / 10 * 10 AS decade, count(*) AS flights, round(avg(f.arr_delay), 1) AS minutes_late
FROM flights AS f JOIN planes AS p ON p.tailnum = f.tailnum
WHERE p.year IS NOT NULL
GROUP BY p.year / 10 * 10
ORDER BY decade;

.print == 10. Destinations that the table of airports does not know

SELECT dest, count(*) AS flights
FROM flights
WHERE dest NOT IN (SELECT faa FROM airports)
GROUP BY dest
ORDER BY flights DESC;

.print == 11. The fastest flights (miles per hour, over the ground)

SELECT month, day, carrier, flight, origin, dest, round(distance * 60.0 / air_time) AS speed
FROM flights
WHERE air_time IS NOT NULL
ORDER BY speed DESC, month, day, flight
LIMIT 5;

.print == 12. Flights more than ten hours late, and what flew

SELECT f.month, f.day, a.name AS airline, f.origin, f.dest, f.dep_delay, p.model
FROM flights AS f
     JOIN airlines AS a ON a.carrier = f.carrier
     LEFT JOIN planes AS p ON p.tailnum = f.tailnum
WHERE f.dep_delay > 600
ORDER BY f.dep_delay DESC;

.print == 13. Airlines that fly farther than the average flight

SELECT a.name, round(avg(f.distance)) AS miles
FROM flights AS f JOIN airlines AS a ON a.carrier = f.carrier
GROUP BY a.name
HAVING avg(f.distance) > (SELECT avg(distance) FROM flights)
ORDER BY miles DESC;

.print == A transaction that is taken back: nobody was late

BEGIN;
UPDATE flights SET dep_delay = 0 WHERE dep_delay > 0;
SELECT max(dep_delay) AS worst_inside FROM flights;
ROLLBACK;
SELECT max(dep_delay) AS worst_after FROM flights;

.print == How a question is answered: the index, not the table

EXPLAIN SELECT month, day, dest FROM flights WHERE tailnum = 'N725MQ';

.print == What the file is made of

INSPECT FILE;

.print == The tree of the flights: its shape

INSPECT TREE flights;

.print == A page, byte by byte: the directory of all trees

INSPECT PAGE 1;

.print == What the C compiler made of the page header

INSPECT LAYOUT page;

.print == The buffer pool and its latches

INSPECT POOL;
INSPECT LATCHES;

.print == Is all of it sound?

CHECK;
