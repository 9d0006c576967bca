--
-- PostgreSQL database dump
--

\restrict qJa4W0VPp5xhovF8m2RJpYcIid5S2uPN8tgKOYnfddRToPycb58ogW3TN1a1CV2

-- Dumped from database version 16.14
-- Dumped by pg_dump version 16.14

SET statement_timeout = 0;
SET lock_timeout = 0;
SET idle_in_transaction_session_timeout = 0;
SET client_encoding = 'UTF8';
SET standard_conforming_strings = on;
SELECT pg_catalog.set_config('search_path', '', false);
SET check_function_bodies = false;
SET xmloption = content;
SET client_min_messages = warning;
SET row_security = off;

SET default_tablespace = '';

SET default_table_access_method = heap;

--
-- Name: roles; Type: TABLE; Schema: public; Owner: shop
--

CREATE TABLE public.roles (
    id integer NOT NULL,
    name text
);


ALTER TABLE public.roles OWNER TO shop;

--
-- Name: users; Type: TABLE; Schema: public; Owner: shop
--

CREATE TABLE public.users (
    id bigint NOT NULL,
    name text NOT NULL
);


ALTER TABLE public.users OWNER TO shop;

--
-- Name: users_id_seq; Type: SEQUENCE; Schema: public; Owner: shop
--

ALTER TABLE public.users ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.users_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);


--
-- Data for Name: roles; Type: TABLE DATA; Schema: public; Owner: shop
--

COPY public.roles (id, name) FROM stdin;
1	admin
\.


--
-- Data for Name: users; Type: TABLE DATA; Schema: public; Owner: shop
--

COPY public.users (id, name) FROM stdin;
1	Anna
2	GRANT
\.


--
-- Name: users_id_seq; Type: SEQUENCE SET; Schema: public; Owner: shop
--

SELECT pg_catalog.setval('public.users_id_seq', 2, true);


--
-- Name: roles roles_pkey; Type: CONSTRAINT; Schema: public; Owner: shop
--

ALTER TABLE ONLY public.roles
    ADD CONSTRAINT roles_pkey PRIMARY KEY (id);


--
-- Name: users users_pkey; Type: CONSTRAINT; Schema: public; Owner: shop
--

ALTER TABLE ONLY public.users
    ADD CONSTRAINT users_pkey PRIMARY KEY (id);


--
-- PostgreSQL database dump complete
--

\unrestrict qJa4W0VPp5xhovF8m2RJpYcIid5S2uPN8tgKOYnfddRToPycb58ogW3TN1a1CV2

